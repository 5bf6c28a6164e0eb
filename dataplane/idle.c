// How workers idle; see the header. The only system calls of a worker are here, and only if the
// configuration allows it to sleep. [W] except where said.
#include "idle.h"

#include <errno.h>
#include <poll.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_log.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "packet_socket.h"
#include "worker.h"

#define IDLE_TURNS  32     // without work, before the worker sleeps
#define NAP_NS      20000L // longest sleep of a worker that nothing would wake
#define ALARM_NAPS  50     // about a millisecond, after an interrupt without packets
#define TICK_NS     (NS_PER_S / TICKS_PER_SECOND)
#define EVENTS_TAKE 16

// ---- choosing, [C] ---------------------------------------------------------------------------

void idle_configure(const struct dp *dp, struct rte_eth_conf *conf)
{
	conf->intr_conf.rxq = dp->idle_adaptive;
}

static bool watch_socket(struct worker *w, const struct worker_rxq *q)
{
	struct rte_epoll_event *e = &w->idle.sockets[q - w->rxqs];
	int fd = packet_socket_of(w->dp->ifaces[q->iface].sockets, q->queue);

	e->epdata.event = EPOLLIN | EPOLLET;
	return fd >= 0 && rte_epoll_ctl(w->idle.events, EPOLL_CTL_ADD, fd, e) == 0;
}

// Does this queue wake whoever waits for the events? There is no capability to ask for, so we try.
static bool watch(struct worker *w, struct worker_rxq *q)
{
	int rc = rte_eth_dev_rx_intr_ctl_q(q->port, q->queue, w->idle.events, RTE_INTR_EVENT_ADD,
	                                   NULL);

	// Also if the interrupt is another queue's as well (-EEXIST): it wakes one worker alone.
	if (rc)
		return watch_socket(w, q);
	rc = rte_eth_dev_rx_intr_enable(q->port, q->queue);
	q->arm = rc == 0;
	if (rc == 0)
		(void)rte_eth_dev_rx_intr_disable(q->port, q->queue);
	// Not to be had: a device (tap) whose file is readable whenever there is a frame.
	return rc == 0 || rc == -ENOTSUP;
}

static bool watch_all(struct worker *w)
{
	// A port that has none would complain of being asked.
	int type = rte_log_register("lib.ethdev"), eal = rte_log_register("lib.eal");
	int level = rte_log_get_level((uint32_t)type);
	int level_eal = rte_log_get_level((uint32_t)eal);
	bool all = true;

	rte_log_set_level((uint32_t)type, RTE_LOG_EMERG);
	rte_log_set_level((uint32_t)eal, RTE_LOG_EMERG);
	for (unsigned i = 0; i < w->n_rxqs && all; i++)
		all = watch(w, &w->rxqs[i]);
	rte_log_set_level((uint32_t)type, (uint32_t)level);
	rte_log_set_level((uint32_t)eal, (uint32_t)level_eal);
	return all;
}

int idle_init(struct worker *w)
{
	struct idle *idle = &w->idle;
	int rc = doorbell_init(&idle->bell);

	idle->events = -1;
	idle->way = DP_IDLE_POLL;
	if (rc || !w->dp->idle_adaptive)
		return rc;
	idle->events = epoll_create1(EPOLL_CLOEXEC);
	if (idle->events < 0)
		return -errno;
	idle->sockets = calloc(w->n_rxqs + 1u, sizeof(*idle->sockets));
	if (!idle->sockets)
		return -ENOMEM;
	idle->way = watch_all(w) ? DP_IDLE_WAIT : DP_IDLE_NAP;
	if (idle->way == DP_IDLE_WAIT)
		w->dp->waiters |= 1ull << w->index;
	w->stats.sum.idle = idle->way;
	return 0;
}

void idle_fini(struct worker *w)
{
	doorbell_fini(&w->idle.bell);
	if (w->idle.events >= 0)
		close(w->idle.events);
	w->idle.events = -1;
	free(w->idle.sockets);
	w->idle.sockets = NULL;
}

// ---- sleeping --------------------------------------------------------------------------------

static void slept(struct worker *w, uint64_t since, enum dp_wake cause)
{
	worker_count(w, COUNT_SLEEPS);
	stats_add(&w->stats.sum.asleep, rte_rdtsc() - since);
	stats_add(&w->stats.sum.wakes[cause], 1);
}

static void nap(struct worker *w)
{
	const struct timespec pause = {.tv_nsec = NAP_NS};
	uint64_t since = rte_rdtsc();

	nanosleep(&pause, NULL);
	slept(w, since, DP_WAKE_TIME);
}

static void arm(const struct worker *w, int (*fn)(uint16_t port, uint16_t queue))
{
	for (unsigned i = 0; i < w->n_rxqs; i++)
		if (w->rxqs[i].arm)
			(void)fn(w->rxqs[i].port, w->rxqs[i].queue);
}

static struct timespec until_next_tick(const struct dp_clock *clock, uint64_t tsc)
{
	uint64_t left = clock->cycles_a_tick - (tsc - clock->base) % clock->cycles_a_tick;

	return (struct timespec){.tv_nsec = (long)(left * TICK_NS / clock->cycles_a_tick) + 1};
}

static enum dp_wake wait_for(struct worker *w, const struct timespec *longest)
{
	struct pollfd fds[] = {{.fd = w->idle.bell.fd, .events = POLLIN},
	                       {.fd = w->idle.events, .events = POLLIN}};
	struct rte_epoll_event taken[EVENTS_TAKE];

	if (ppoll(fds, RTE_DIM(fds), longest, NULL) <= 0)
		return DP_WAKE_TIME;
	if (fds[0].revents)
		(void)doorbell_answer(&w->idle.bell);
	// The interrupts are edges: taken, they do not wake again.
	if (fds[1].revents)
		(void)rte_epoll_wait(w->idle.events, taken, EVENTS_TAKE, 0);
	return fds[1].revents ? DP_WAKE_PORT : DP_WAKE_BELL;
}

// No look-up table is in this worker's hands meanwhile, so that it holds up no reclaiming.
static enum dp_wake sleep_until_woken(struct worker *w)
{
	uint64_t since = rte_rdtsc();
	struct timespec longest = until_next_tick(&w->dp->clock, since);
	enum dp_wake cause;

	rte_rcu_qsbr_thread_offline(w->dp->rcu, w->index);
	cause = wait_for(w, &longest);
	rte_rcu_qsbr_thread_online(w->dp->rcu, w->index);
	slept(w, since, cause);
	return cause;
}

// Everything that brings work rings or interrupts from here on; a whole turn after that looks at
// all of it once more, so that nothing is slept over.
static void wait_turn(struct worker *w)
{
	enum dp_wake cause = DP_WAKE_TIME;

	doorbell_announce(&w->idle.bell);
	arm(w, rte_eth_dev_rx_intr_enable);
	// Acquire: as in worker_loop(); who sets it rings afterwards.
	if (worker_turn(w))
		w->idle.empty_turns = 0;
	else if (!__atomic_load_n(&w->dp->stop, __ATOMIC_ACQUIRE))
		cause = sleep_until_woken(w);
	arm(w, rte_eth_dev_rx_intr_disable);
	doorbell_up(&w->idle.bell);
	w->idle.alarmed = cause == DP_WAKE_PORT;
	if (cause != DP_WAKE_TIME) // something has come; more may follow
		w->idle.empty_turns = 0;
}

// A device may wake us before it lets us see the frame (tap counts its frames in a signal handler,
// which runs when the kernel gets to it): then it is looked for a while, as if there were no
// interrupts.
static bool waits(struct idle *idle)
{
	if (idle->way != DP_IDLE_WAIT)
		return false;
	if (idle->alarmed)
		idle->naps = ALARM_NAPS;
	idle->alarmed = false;
	if (idle->naps == 0)
		return true;
	idle->naps--;
	return false;
}

void idle_turn(struct worker *w, unsigned work)
{
	struct idle *idle = &w->idle;

	if (work) {
		idle->empty_turns = 0;
		idle->alarmed = false;
		return;
	}
	if (idle->way == DP_IDLE_POLL || ++idle->empty_turns < IDLE_TURNS)
		return;
	if (waits(idle))
		wait_turn(w);
	else
		nap(w);
}

// ---- waking ----------------------------------------------------------------------------------

void idle_ring(struct dp *dp, unsigned worker)
{
	if (dp->waiters & 1ull << worker)
		doorbell_ring(&dp->workers[worker]->idle.bell);
}

void idle_ring_all(struct worker *w)
{
	uint64_t whom = w->handed & w->dp->waiters;

	w->handed = 0;
	if (w->told)
		doorbell_ring(&w->dp->bell);
	w->told = false;
	for (; whom; whom &= whom - 1)
		doorbell_ring(&w->dp->workers[__builtin_ctzll(whom)]->idle.bell);
}
