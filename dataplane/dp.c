// Start and stop of the dataplane: one explicit list, unwound in reverse. [C] The caller's thread
// becomes the control core. EAL can be started once in a process.
#include <errno.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_version.h>
#include <stdio.h>

#include "adjacency.h"
#include "crypto.h"
#include "eal.h"
#include "handoff.h"
#include "pool.h"
#include "port.h"
#include "port_stats.h"
#include "punt.h"
#include "reassemble.h"
#include "route.h"
#include "telemetry.h"
#include "vlan.h"

#define MESSAGE_RING     1024
#define EVENT_RING       1024
#define PUNT_ESTABLISHED 2048
#define PUNT_NEW         512
#define PUNT_FRAMES      256
#define LCORE_OF(worker) ((worker) + 1u)

static int check(const struct dp_config *c, char *err, size_t size)
{
	if (c->n_ports == 0 || c->n_ports > DP_PORTS_MAX)
		snprintf(err, size, "%u ports: at least 1 and at most %u", c->n_ports,
		         DP_PORTS_MAX);
	else if (c->n_workers == 0 || c->n_workers > DP_WORKERS_MAX)
		snprintf(err, size, "%u worker cores: at least 1 and at most %u", c->n_workers,
		         DP_WORKERS_MAX);
	else if (c->max_ike_sas == 0 || c->max_sas == 0 || c->max_tunnels == 0 || c->max_peers == 0)
		snprintf(err, size, "a table size is 0");
	else
		return 0;
	return -EINVAL;
}

static int eal_start(struct dp *dp, const struct dp_config *config, char *err, size_t size)
{
	struct eal_args args;
	char *argv[EAL_ARGS_MAX];
	int rc = eal_args_make(config, &args);

	// EAL moves the pointers about.
	memcpy(argv, args.args, sizeof(argv));
	if (rc == 0)
		rc = eal_log_open(dp);
	if (rc == 0 && rte_eal_init(args.count, argv) < 0)
		rc = rte_errno ? -rte_errno : -EIO;
	if (rc)
		snprintf(err, size, "DPDK cannot be started: %s",
		         dp->eal_error[0] ? dp->eal_error : strerror(-rc));
	eal_args_free(&args);
	return rc;
}

#define CALIBRATE_NS 100000000L // 100 ms: reading both clocks is off by less than a microsecond

// The TSC's rate against the kernel's clock. rte_get_tsc_hz() rounds its estimate to 10 MHz where
// the CPU does not tell, which is 5 s an hour on a machine that runs at 2596 MHz.
static uint64_t tsc_hz(void)
{
	const struct timespec pause = {.tv_nsec = CALIBRATE_NS};
	struct timespec before, after;
	uint64_t from, cycles, ns;

	clock_gettime(CLOCK_MONOTONIC, &before);
	from = rte_rdtsc();
	nanosleep(&pause, NULL);
	clock_gettime(CLOCK_MONOTONIC, &after);
	cycles = rte_rdtsc() - from;
	ns = (uint64_t)(after.tv_sec - before.tv_sec) * NS_PER_S;
	ns += (uint64_t)after.tv_nsec - (uint64_t)before.tv_nsec;
	// 128 bits: a pause of the machine within the interval must not overflow.
	return (uint64_t)((__uint128_t)cycles * NS_PER_S / ns);
}

static void clock_start(struct dp *dp)
{
	dp->clock.base = rte_rdtsc();
	dp->clock.hz = tsc_hz();
	dp->clock.cycles_a_tick = dp->clock.hz / TICKS_PER_SECOND;
}

static int rcu_init(struct dp *dp)
{
	size_t size = rte_rcu_qsbr_get_memsize(dp->n_workers);

	dp->rcu = rte_zmalloc("rcu", size, RTE_CACHE_LINE_SIZE);
	if (!dp->rcu || rte_rcu_qsbr_init(dp->rcu, dp->n_workers))
		return -ENOMEM;
	for (unsigned i = 0; i < dp->n_workers; i++)
		rte_rcu_qsbr_thread_register(dp->rcu, i);
	return 0;
}

// What is a worker's lies on its NUMA node, if there is memory there.
static struct rte_ring *ring_make(const char *what, unsigned worker, unsigned item, unsigned count)
{
	int node = (int)rte_lcore_to_socket_id(LCORE_OF(worker));
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *ring;

	snprintf(name, sizeof(name), "%s_%u", what, worker);
	ring = rte_ring_create_elem(name, item, count, node, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (ring)
		return ring;
	return rte_ring_create_elem(name, item, count, SOCKET_ID_ANY,
	                            RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static int worker_rings(struct worker *w)
{
	unsigned i = w->index, pointer = sizeof(void *);

	w->messages = ring_make("messages", i, sizeof(struct message), MESSAGE_RING);
	w->events = ring_make("events", i, sizeof(struct dp_event), EVENT_RING);
	w->punt[DP_PUNT_IKE_ESTABLISHED] = ring_make("punt_est", i, pointer, PUNT_ESTABLISHED);
	w->punt[DP_PUNT_IKE_NEW] = ring_make("punt_new", i, pointer, PUNT_NEW);
	w->punt[DP_PUNT_FRAME] = ring_make("punt_frame", i, pointer, PUNT_FRAMES);
	for (unsigned c = 0; c < DP_PUNT_CLASSES; c++)
		if (!w->punt[c])
			return -ENOMEM;
	return w->messages && w->events ? 0 : -ENOMEM;
}

static int worker_create(struct dp *dp, unsigned index)
{
	int node = (int)rte_lcore_to_socket_id(LCORE_OF(index)), rc;
	struct worker *w;

	w = rte_zmalloc_socket("worker", sizeof(*w), RTE_CACHE_LINE_SIZE, node);
	if (!w)
		w = rte_zmalloc("worker", sizeof(*w), RTE_CACHE_LINE_SIZE);
	if (!w)
		return -ENOMEM;
	dp->workers[index] = w;
	w->dp = dp;
	w->idle.events = w->idle.bell.fd = -1;
	w->index = (uint16_t)index;
	w->tsc = rte_rdtsc();
	w->now = clock_tick(&dp->clock, w->tsc);
	w->horizon = w->now;
	w->message_cycles = dp->clock.hz / US_PER_S * WORKER_MESSAGES_US;
	w->stats.sum.period = STATS_PERIOD;
	w->ip_id = index * (UINT16_MAX / DP_WORKERS_MAX); // apart, for peers that reassemble
	rc = worker_rings(w);
	if (rc == 0)
		rc = punt_init(w);
	if (rc == 0)
		rc = adjacency_wait_init(w);
	if (rc == 0)
		rc = reassemble_init(w);
	if (rc == 0)
		rc = vlan_init(w);
	if (rc == 0)
		rc = worker_esp_init(w);
	return rc;
}

static void ring_empty(struct rte_ring *ring)
{
	struct rte_mbuf *m;

	while (ring && rte_ring_sc_dequeue(ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(ring);
}

static void worker_destroy(struct dp *dp, unsigned index)
{
	struct worker *w = dp->workers[index];

	if (!w)
		return;
	idle_fini(w);
	punt_fini(w);
	worker_esp_fini(w);
	vlan_fini(w);
	reassemble_fini(w);
	adjacency_wait_fini(w);
	rte_pktmbuf_free_bulk(w->made, w->n_made);
	for (unsigned i = 0; i < dp->n_ifaces; i++)
		rte_pktmbuf_free_bulk(w->tx[i].pkts, w->tx[i].n);
	for (unsigned c = 0; c < DP_PUNT_CLASSES; c++) {
		ring_empty(w->punt[c]);
		rte_pktmbuf_free(dp->heads[index][c]);
	}
	rte_ring_free(w->messages);
	rte_ring_free(w->events);
	fifo_fini(&dp->waiting[index]);
	rte_free(w);
	dp->workers[index] = NULL;
}

// Everything that needs no port; the workers exist before the ports deal their queues out.
static int tables_init(struct dp *dp)
{
	int rc = rcu_init(dp);

	if (rc == 0)
		rc = route_init(dp);
	if (rc == 0)
		rc = adjacency_init(dp);
	if (rc == 0)
		rc = handoff_init(dp);
	if (rc == 0)
		rc = control_init(dp);
	for (unsigned i = 0; i < dp->n_workers && rc == 0; i++)
		rc = worker_create(dp, i);
	rte_timer_subsystem_init();
	rte_timer_init(&dp->ticker);
	return rc;
}

int dp_launch(struct dp *dp)
{
	int rc = 0;

	for (unsigned i = 0; i < dp->n_workers && rc == 0; i++) {
		rc = rte_eal_remote_launch(worker_loop, dp->workers[i], LCORE_OF(i));
		dp->workers[i]->started = rc == 0;
	}
	return rc;
}

static void join(struct dp *dp)
{
	// Release: pairs with the workers' acquire; nothing was left half-made.
	__atomic_store_n(&dp->stop, 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < dp->n_workers; i++)
		idle_ring(dp, i);
	for (unsigned i = 0; i < dp->n_workers; i++)
		if (dp->workers[i] && dp->workers[i]->started)
			rte_eal_wait_lcore(LCORE_OF(i));
}

// Reverse of the start, from wherever it got to.
static void unwind(struct dp *dp, bool eal, unsigned n_ports)
{
	telemetry_stop();
	if (eal) {
		join(dp);
		if (dp->ticker_fn)
			rte_timer_stop_sync(&dp->ticker);
		port_stats_stop(dp);
		vlan_close(dp);
		while (n_ports)
			port_close(dp, (uint16_t)--n_ports);
		for (unsigned i = 0; i < dp->n_workers; i++)
			worker_destroy(dp, i);
		control_fini(dp);
		handoff_fini(dp);
		adjacency_fini(dp);
		route_fini(dp);
		rte_free(dp->rcu);
		pool_free(dp);
		rte_timer_subsystem_finalize();
		rte_eal_cleanup();
	}
	eal_tidy();
	eal_log_close();
	fifo_fini(&dp->events);
	doorbell_fini(&dp->bell);
	free(dp->ike_tags);
	free(dp);
}

static struct dp *dp_alloc(const struct dp_config *config, struct log *log)
{
	struct dp *dp = aligned_alloc(alignof(struct dp), sizeof(*dp));

	if (!dp)
		return NULL;
	memset(dp, 0, sizeof(*dp));
	dp->ike_tags = calloc(config->max_ike_sas, sizeof(*dp->ike_tags));
	if (!dp->ike_tags) {
		free(dp);
		return NULL;
	}
	dp->log = log;
	dp->control_thread = pthread_self();
	dp->n_workers = config->n_workers;
	dp->n_ports = config->n_ports;
	dp->n_ifaces = config->n_ports;
	dp->idle_adaptive = config->idle_adaptive;
	dp->limits = (struct dp_limits){
		.max_peers = config->max_peers,
		.max_tunnels = config->max_tunnels,
		.max_sas = config->max_sas,
		.max_ike_sas = config->max_ike_sas,
	};
	for (unsigned i = 0; i < DP_IFACES_MAX; i++)
		dp->ifaces[i].port = UINT16_MAX;
	if (doorbell_init(&dp->bell) == 0)
		return dp;
	free(dp->ike_tags);
	free(dp);
	return NULL;
}

// Unless a step has said more.
static void say_failed(const struct dp_config *config, int rc, char *err, size_t err_size)
{
	if (!err[0])
		snprintf(err, err_size, "the dataplane cannot be started with %u MB: %s",
		         config->memory_mb, strerror(-rc));
}

struct dp *dp_prepare(const struct dp_config *config, struct log *log, char *err, size_t err_size)
{
	unsigned opened = 0;
	bool eal = false;
	struct dp *dp;
	int rc;

	err[0] = '\0';
	errno = EINVAL;
	if (check(config, err, err_size))
		return NULL;
	dp = dp_alloc(config, log);
	if (!dp)
		return NULL;
	rc = eal_start(dp, config, err, err_size);
	if (rc)
		goto fail;
	eal = true;
	clock_start(dp);
	rc = pool_create(dp, config, err, err_size);
	if (rc)
		goto fail;
	rc = tables_init(dp);
	if (rc)
		goto fail;
	while (opened < config->n_ports && rc == 0) {
		rc = port_open(dp, (uint16_t)opened, &config->ports[opened], err, err_size);
		opened++;
	}
	if (rc)
		goto fail;
	for (unsigned i = 0; i < dp->n_workers && rc == 0; i++) {
		dp->workers[i]->stats.sum.cpu = config->worker_cpus[i];
		rc = idle_init(dp->workers[i]);
	}
	if (rc == 0)
		rc = port_stats_start(dp);
	if (rc)
		goto fail;
	return dp;
fail:
	say_failed(config, rc, err, err_size);
	unwind(dp, eal, opened);
	errno = -rc;
	return NULL;
}

struct dp *dp_start(const struct dp_config *config, struct log *log, char *err, size_t err_size)
{
	struct dp *dp = dp_prepare(config, log, err, err_size);
	int rc = dp ? dp_launch(dp) : 0;

	if (rc == 0) {
		if (dp)
			telemetry_start(dp);
		return dp;
	}
	say_failed(config, rc, err, err_size);
	dp_stop(dp);
	errno = -rc;
	return NULL;
}

void dp_stop(struct dp *dp)
{
	if (dp)
		unwind(dp, true, dp->n_ports);
}

const char *dp_version(void)
{
	static _Thread_local char text[96];

	snprintf(text, sizeof(text), "%s, intel-ipsec-mb %s", rte_version(), IMB_VERSION_STR);
	return text;
}
