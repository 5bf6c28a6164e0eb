// What a port counts. [C] asks; [reader] the thread that reads slow ports: while the control core
// wants to know, each time after a pause of 2 ms, else five times a second, so that a loss long
// before a probe is not taken for one after it.
#include "port_stats.h"

#include <errno.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_lcore.h>
#include <stdlib.h>

#include "link.h"
#include "netdev.h"
#include "packet_socket.h"
#include "tap.h"

#define SLOW_US       20 // a register of a NIC takes about one
#define TRIES         3
#define PAUSE_MS      2
#define LONG_PAUSE_MS 200
#define WANTED_FOR    ticks_from_ms(50)

struct stats_reader {
	pthread_t thread;
	bool slow[DP_PORTS_MAX]; // constant while the thread runs
	pthread_mutex_t device[DP_PORTS_MAX];
	uint32_t wanted;      // when the control core last asked: it writes, the reader reads
	uint32_t dozes;       // the reader writes, control reads
	pthread_mutex_t lock; // of the next four; the control core never waits for it
	pthread_cond_t wake;
	bool stop;
	tick_t until; // all ports were read after this
	struct known {
		bool is_set;
		struct rte_eth_stats stats;
	} known[DP_PORTS_MAX];
	// Control alone: the same, as it was seen last.
	tick_t told_until;
	struct known told[DP_PORTS_MAX];
};

static bool is_slow(const struct dp *dp, const struct iface *iface)
{
	return dp->reader && dp->reader->slow[iface->main];
}

// A port is asked by one thread alone, the reader or the control core.
static bool ask(const struct dp *dp, const struct iface *iface, struct rte_eth_stats *stats)
{
	if (link_is_lost(dp, iface) || rte_eth_stats_get(iface->port, stats))
		return false;
	stats->imissed += packet_socket_losses(iface->sockets) + netdev_losses(iface->netdev) +
	                  tap_losses(iface->tap);
	return true;
}

// ---- reader ------------------------------------------------------------------------------------

static void read_port(const struct dp *dp, unsigned i)
{
	struct stats_reader *r = dp->reader;
	struct rte_eth_stats stats;
	bool told;

	pthread_mutex_lock(&r->device[i]);
	told = ask(dp, &dp->ifaces[i], &stats);
	pthread_mutex_unlock(&r->device[i]);
	if (!told)
		return;
	pthread_mutex_lock(&r->lock);
	r->known[i] = (struct known){.is_set = true, .stats = stats};
	pthread_mutex_unlock(&r->lock);
}

static bool is_wanted(const struct dp *dp)
{
	tick_t when = __atomic_load_n(&dp->reader->wanted, __ATOMIC_RELAXED);

	return tick_diff(dp_now(dp), when) < (int32_t)WANTED_FOR;
}

// False: the thread is to end.
static bool pause_reading(const struct dp *dp)
{
	struct stats_reader *r = dp->reader;
	bool wanted = is_wanted(dp), stop;
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_nsec += (wanted ? PAUSE_MS : LONG_PAUSE_MS) * 1000000L;
	at.tv_sec += at.tv_nsec / 1000000000;
	at.tv_nsec %= 1000000000;
	pthread_mutex_lock(&r->lock);
	// Relaxed: whoever sees it takes the lock.
	__atomic_store_n(&r->dozes, !wanted, __ATOMIC_RELAXED);
	if (!r->stop)
		pthread_cond_timedwait(&r->wake, &r->lock, &at);
	__atomic_store_n(&r->dozes, 0, __ATOMIC_RELAXED);
	stop = r->stop;
	pthread_mutex_unlock(&r->lock);
	return !stop;
}

static void *reader_main(void *arg)
{
	struct dp *dp = arg;
	struct stats_reader *r = dp->reader;

	do {
		tick_t from = dp_now(dp);

		for (unsigned i = 0; i < dp->n_ports; i++)
			if (r->slow[i])
				read_port(dp, i);
		pthread_mutex_lock(&r->lock);
		r->until = from;
		pthread_mutex_unlock(&r->lock);
	} while (pause_reading(dp));
	return NULL;
}

// ---- control core ------------------------------------------------------------------------------

// The fastest of some: a pause of this machine is no slow port.
static bool takes_long(const struct dp *dp, const struct iface *iface)
{
	uint64_t best = UINT64_MAX, from;
	struct rte_eth_stats stats;

	for (unsigned i = 0; i < TRIES; i++) {
		from = rte_rdtsc();
		if (!ask(dp, iface, &stats))
			return false;
		best = RTE_MIN(best, rte_rdtsc() - from);
	}
	return best > dp->clock.hz / US_PER_S * SLOW_US;
}

static struct stats_reader *reader_make(void)
{
	struct stats_reader *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;

	if (!r)
		return NULL;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&r->lock, NULL);
	for (unsigned i = 0; i < DP_PORTS_MAX; i++)
		pthread_mutex_init(&r->device[i], NULL);
	return r;
}

int port_stats_start(struct dp *dp)
{
	bool slow[DP_PORTS_MAX] = {false}, any = false;
	int rc;

	for (unsigned i = 0; i < dp->n_ports; i++) {
		slow[i] = takes_long(dp, &dp->ifaces[i]);
		any |= slow[i];
	}
	if (!any)
		return 0;
	dp->reader = reader_make();
	if (!dp->reader)
		return -ENOMEM;
	memcpy(dp->reader->slow, slow, sizeof(slow));
	dp->reader->wanted = dp->reader->until = dp->reader->told_until = dp_now(dp);
	// On the cores that are no lcores of DPDK, if there are any.
	rc = rte_ctrl_thread_create(&dp->reader->thread, "port-stats", NULL, reader_main, dp);
	if (rc) {
		free(dp->reader);
		dp->reader = NULL;
	}
	return rc;
}

void port_stats_stop(struct dp *dp)
{
	struct stats_reader *r = dp->reader;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	free(r);
	dp->reader = NULL;
}

void port_stats_lock(const struct dp *dp, const struct iface *iface)
{
	if (is_slow(dp, iface))
		pthread_mutex_lock(&dp->reader->device[iface->main]);
}

void port_stats_unlock(const struct dp *dp, const struct iface *iface)
{
	if (is_slow(dp, iface))
		pthread_mutex_unlock(&dp->reader->device[iface->main]);
}

// What the reader knows, with the tick that goes with it. It may have been interrupted while it had
// the lock: then it stays what was told before.
static void hear(struct stats_reader *r)
{
	if (pthread_mutex_trylock(&r->lock))
		return;
	r->told_until = r->until;
	for (unsigned i = 0; i < DP_PORTS_MAX; i++)
		if (r->slow[i])
			r->told[i] = r->known[i];
	pthread_mutex_unlock(&r->lock);
}

static bool last_told(struct stats_reader *r, unsigned port, struct rte_eth_stats *stats)
{
	hear(r);
	*stats = r->told[port].stats;
	return r->told[port].is_set;
}

bool port_stats(const struct dp *dp, const struct iface *iface, struct rte_eth_stats *stats)
{
	bool known = is_slow(dp, iface) ? last_told(dp->reader, iface->main, stats)
	                                : ask(dp, iface, stats);

	for (unsigned i = 0; known && iface->queues_drop && i < RTE_ETHDEV_QUEUE_STAT_CNTRS; i++)
		stats->imissed += stats->q_errors[i];
	return known;
}

static void wake(struct stats_reader *r)
{
	if (pthread_mutex_trylock(&r->lock))
		return; // it is about to pause, or has just paused: the next tick asks again
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

tick_t port_stats_until(const struct dp *dp)
{
	struct stats_reader *r = dp->reader;
	tick_t now = dp_now(dp);

	if (!r)
		return now;
	__atomic_store_n(&r->wanted, now, __ATOMIC_RELAXED);
	if (__atomic_load_n(&r->dozes, __ATOMIC_RELAXED))
		wake(r);
	hear(r);
	return r->told_until;
}
