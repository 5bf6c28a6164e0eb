// What the packets of some tunnels notice while 10,000 others come up or are torn down: the time
// from one burst to the next, in turn without and with it, beside a loop that does nothing. The
// control core works on one CPU as fast as it can; the worker, with its whole loop, on another.
// Ports are a ring that the worker fills for itself and net_null. A measurement, not a test.
#include <errno.h>
#include <getopt.h>
#include <rte_cycles.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "dp_internal.h"
#include "packet.h"
#include "sa_table.h"
#include "suites.h"
#include "worker.h"

#define BUSY        16u // tunnels that carry the traffic
#define BURST       32u
#define LEN         128u // of an inner packet
#define EVENTS      64u
#define INSIDE      0
#define OUTSIDE     1
#define LOCAL       0x0a010001u
#define REMOTE      0x0a800000u // 10.128.0.0 and up: a host for each tunnel
#define PEERS       0x64400000u
#define SPIN_US     10u
#define SETTLE_US   20000u
#define QUIET_US    150000u
#define BUCKETS     200000u // of a tenth of a microsecond
#define TUNNELS     10000u
#define ROUNDS      6u
#define ROUNDS_MAX  1000u
#define TUNNELS_MAX 100000u

enum mode { MODE_START, MODE_SETTLE, MODE_SPIN, MODE_QUIET, MODE_UP, MODE_DOWN, MODES, MODE_STOP };

static const char *const mode_names[MODES] = {
	[MODE_SPIN] = "a loop of 10 us that does nothing",
	[MODE_QUIET] = "traffic alone",
	[MODE_UP] = "traffic, and tunnels come up",
	[MODE_DOWN] = "traffic, and tunnels are torn down",
};

struct gaps {
	uint64_t n, longest; // cycles
	uint64_t buckets[BUCKETS];
};

struct flow {
	struct handle tunnel, in, out, policy;
};

static struct dp *dp;
static struct worker *worker;
static struct rte_ring *ring;
static struct gaps gaps[MODES];
static struct flow *flows;
static uint64_t tenth; // of a microsecond, in cycles
static uint32_t mode;  // control writes (release), the worker reads

// ---- the worker's core -----------------------------------------------------------------------

static void record(struct gaps *g, uint64_t cycles)
{
	uint64_t bucket = cycles / tenth;

	g->n++;
	g->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
	if (cycles > g->longest)
		g->longest = cycles;
}

static void spin(void)
{
	uint64_t from = rte_rdtsc(), now;

	while (__atomic_load_n(&mode, __ATOMIC_ACQUIRE) == MODE_SPIN) {
		do {
			now = rte_rdtsc();
		} while (now - from < SPIN_US * 10 * tenth);
		record(&gaps[MODE_SPIN], now - from);
		from = now;
	}
}

static void frame_fill(struct rte_mbuf *m, uint32_t flow)
{
	struct rte_ether_hdr *eth =
		(struct rte_ether_hdr *)rte_pktmbuf_append(m, sizeof(struct rte_ether_hdr) + LEN);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);

	eth->dst_addr = dp->ifaces[INSIDE].mac;
	memcpy(&eth->src_addr, "\2\0\0\0\0\x99", RTE_ETHER_ADDR_LEN);
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
	                            .total_length = rte_cpu_to_be_16(LEN),
	                            .time_to_live = 64,
	                            .next_proto_id = IPPROTO_UDP,
	                            .src_addr = rte_cpu_to_be_32(LOCAL),
	                            .dst_addr = rte_cpu_to_be_32(REMOTE + flow)};
	packet_checksum_ipv4(ip);
}

// The next burst lies ready when the worker looks.
static void burst_put(void)
{
	struct rte_mbuf *pkts[BURST];

	if (rte_pktmbuf_alloc_bulk(dp->pool, pkts, BURST))
		return;
	for (unsigned i = 0; i < BURST; i++)
		frame_fill(pkts[i], i % BUSY);
	if (rte_ring_enqueue_bulk(ring, (void **)pkts, BURST, NULL) == 0)
		rte_pktmbuf_free_bulk(pkts, BURST);
}

static void work(uint32_t now)
{
	uint64_t from = rte_rdtsc(), to;

	rte_rcu_qsbr_thread_online(dp->rcu, 0);
	while (__atomic_load_n(&mode, __ATOMIC_ACQUIRE) == now) {
		if (now != MODE_START)
			burst_put();
		worker_turn(worker);
		to = rte_rdtsc();
		record(&gaps[now], to - from);
		from = to;
	}
	rte_rcu_qsbr_thread_offline(dp->rcu, 0);
}

static int worker_main(void *arg)
{
	uint32_t now;

	(void)arg;
	while ((now = __atomic_load_n(&mode, __ATOMIC_ACQUIRE)) != MODE_STOP) {
		if (now == MODE_SPIN)
			spin();
		else
			work(now);
	}
	return 0;
}

// ---- the control core ------------------------------------------------------------------------

static void enter(enum mode next)
{
	__atomic_store_n(&mode, next, __ATOMIC_RELEASE);
}

static int rule_add(uint32_t i, const struct sa_spec *spec)
{
	const struct dp_policy_rule rule = {.iface = OUTSIDE,
	                                    .sequence = i + 1,
	                                    .line = 10,
	                                    .permit = true,
	                                    .local = spec->selector.local,
	                                    .remote = spec->selector.remote,
	                                    .local_port_hi = UINT16_MAX,
	                                    .remote_port_hi = UINT16_MAX,
	                                    .tunnel = flows[i].tunnel};

	return dp_policy_add(dp, &rule, &flows[i].policy);
}

static int flow_up(uint32_t i)
{
	static const struct suite suite = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};
	struct ip_addr remote = addr_v4(REMOTE + i);
	struct sa_spec spec = suite_spec(&suite, i);
	struct dp_tunnel_spec tunnel = {.iface = OUTSIDE, .peer = DP_NO_PEER};
	struct flow *f = &flows[i];
	int rc;

	spec.remote = addr_v4(PEERS + i);
	spec.selector.remote = prefix_host(&remote);
	tunnel.selector = spec.selector;
	rc = dp_tunnel_add(dp, &tunnel, &f->tunnel);
	if (rc == 0)
		rc = rule_add(i, &spec);
	if (rc == 0)
		rc = dp_sa_reserve(dp, &spec.local, &spec.remote, &f->in, &spec.spi);
	if (rc == 0)
		rc = dp_sa_add_in(dp, f->in, &spec, f->tunnel);
	if (rc == 0)
		rc = dp_sa_add_out(dp, &spec, f->tunnel, f->in, &f->out);
	dp_tunnel_use(dp, f->tunnel, f->out);
	return rc;
}

static void flow_down(uint32_t i)
{
	const struct handle sas[2] = {flows[i].in, flows[i].out};

	dp_policy_del(dp, flows[i].policy);
	dp_sa_del(dp, sas, 2);
	dp_tunnel_del(dp, flows[i].tunnel);
}

// What the control core does in a turn; how many SAs are gone.
static uint32_t events(void)
{
	struct dp_event list[EVENTS];
	unsigned n = dp_events(dp, list, EVENTS);
	uint32_t gone = 0;

	for (unsigned i = 0; i < n; i++)
		gone += list[i].kind == DP_EVENT_SA_GONE;
	return gone;
}

static void settle(void)
{
	do {
		events();
	} while (dp->waiting[0].count || !rte_ring_empty(worker->messages));
}

static int up(uint32_t from, uint32_t to)
{
	int rc = 0;

	for (uint32_t i = from; i < to && rc == 0; i++) {
		rc = flow_up(i);
		if (i % EVENTS == 0)
			events();
	}
	settle();
	return rc;
}

static void down(uint32_t from, uint32_t to)
{
	uint32_t gone = 0;

	for (uint32_t i = from; i < to; i++) {
		flow_down(i);
		if (i % EVENTS == 0)
			gone += events();
	}
	while (gone < 2 * (to - from))
		gone += events();
	settle();
}

static void stay(enum mode next, unsigned us)
{
	enter(MODE_SETTLE);
	usleep(SETTLE_US);
	enter(next);
	usleep(us);
	enter(MODE_SETTLE);
}

static int measure(uint32_t tunnels, unsigned rounds)
{
	double up_ms = 0, down_ms = 0;
	uint64_t from;
	int rc = up(0, BUSY);

	usleep(SETTLE_US);
	for (unsigned r = 0; r < rounds && rc == 0; r++) {
		stay(MODE_SPIN, QUIET_US);
		stay(MODE_QUIET, QUIET_US);
		from = dp_now_us(dp);
		enter(MODE_UP);
		rc = up(BUSY, BUSY + tunnels);
		up_ms += (double)(dp_now_us(dp) - from) / 1000;
		stay(MODE_QUIET, QUIET_US);
		from = dp_now_us(dp);
		enter(MODE_DOWN);
		down(BUSY, BUSY + tunnels);
		down_ms += (double)(dp_now_us(dp) - from) / 1000;
	}
	enter(MODE_STOP);
	rte_eal_wait_lcore(1);
	if (rc == 0)
		printf("%u tunnels: up in %.0f ms, torn down in %.0f ms (means of %u rounds)\n",
		       tunnels, up_ms / rounds, down_ms / rounds, rounds);
	return rc;
}

// ---- setting up ------------------------------------------------------------------------------

static int iface_up(uint16_t iface, uint32_t address)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x99};
	struct dp_iface_config c = {.mtu = 1500,
	                            .up = true,
	                            .address = addr_v4(address),
	                            .crypto_map = iface == OUTSIDE};
	struct ip_addr hop = addr_v4(address + 1);
	int rc;

	c.network = prefix_make(&c.address, 24);
	rc = dp_iface_set(dp, iface, &c);
	return rc ? rc : dp_neighbour_set(dp, iface, &hop, mac);
}

static int route_default(void)
{
	struct ip_addr any = addr_v4(0), hop = addr_v4(0xc0000202);
	struct ip_prefix prefix = prefix_make(&any, 0);

	return dp_route_add(dp, &prefix, &hop, OUTSIDE);
}

// A ring in place of the inside port.
static int source_make(void)
{
	struct rte_eth_conf conf = {0};
	int port, rc;

	ring = rte_ring_create("source", 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (!ring)
		return -ENOMEM;
	port = rte_eth_from_rings("source", &ring, 1, &ring, 1, 0);
	if (port < 0)
		return -EIO;
	rc = rte_eth_dev_configure((uint16_t)port, 1, 1, &conf);
	if (rc == 0)
		rc = rte_eth_rx_queue_setup((uint16_t)port, 0, 512, 0, NULL, dp->pool);
	if (rc == 0)
		rc = rte_eth_tx_queue_setup((uint16_t)port, 0, 512, 0, NULL);
	if (rc == 0)
		rc = rte_eth_dev_start((uint16_t)port);
	dp->ifaces[INSIDE].port = (uint16_t)port;
	for (unsigned q = 0; q < worker->n_rxqs; q++)
		if (worker->rxqs[q].iface == INSIDE)
			worker->rxqs[q].port = (uint16_t)port;
	return rc;
}

static int start(uint32_t tunnels, unsigned cpu, unsigned control_cpu)
{
	static const struct dp_port_config ports[] = {
		{.name = "inside", .device = "net_null0,no-rx=1"},
		{.name = "outside", .device = "net_null1,no-rx=1"}};
	const struct dp_config config = {.ports = ports,
	                                 .n_ports = 2,
	                                 .worker_cpus = &cpu,
	                                 .n_workers = 1,
	                                 .control_cpu = control_cpu,
	                                 .memory_mb = 512 + tunnels / 50,
	                                 .max_peers = 8,
	                                 .max_tunnels = tunnels + BUSY,
	                                 .max_sas = 2 * (tunnels + BUSY) + 1024,
	                                 .max_ike_sas = 8};
	char err[256] = "";
	int rc;

	flows = calloc(tunnels + BUSY, sizeof(*flows));
	dp = flows ? dp_prepare(&config, NULL, err, sizeof(err)) : NULL;
	if (!dp) {
		fprintf(stderr, "teardown: %s\n", err[0] ? err : strerror(errno));
		return -1;
	}
	worker = dp->workers[0];
	tenth = dp->clock.hz / 10000000;
	rc = source_make();
	if (rc == 0)
		rc = iface_up(INSIDE, 0xac100001);
	if (rc == 0)
		rc = iface_up(OUTSIDE, 0xc0000201);
	if (rc == 0)
		rc = route_default();
	return rc ? rc : rte_eal_remote_launch(worker_main, NULL, 1);
}

// ---- report ----------------------------------------------------------------------------------

static double quantile(const struct gaps *g, double q)
{
	uint64_t want = (uint64_t)((double)g->n * q), sum = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		sum += g->buckets[i];
		if (sum > want)
			return (i + 1) / 10.0;
	}
	return BUCKETS / 10.0;
}

static void report(void)
{
	printf("us from one burst of %u packets to the next:\n", BURST);
	printf("%-36s %9s %7s %7s %8s %9s\n", "", "bursts", "p50", "p99", "p99.9", "longest");
	for (unsigned i = MODE_SPIN; i < MODES; i++)
		printf("%-36s %9lu %7.1f %7.1f %8.1f %9.1f\n", mode_names[i],
		       (unsigned long)gaps[i].n, quantile(&gaps[i], 0.5), quantile(&gaps[i], 0.99),
		       quantile(&gaps[i], 0.999), (double)gaps[i].longest / (double)tenth / 10);
	printf("p99.9 less that of traffic alone: up %+.1f us, torn down %+.1f us\n",
	       quantile(&gaps[MODE_UP], 0.999) - quantile(&gaps[MODE_QUIET], 0.999),
	       quantile(&gaps[MODE_DOWN], 0.999) - quantile(&gaps[MODE_QUIET], 0.999));
}

// All packets left encrypted, whatever came and went.
static bool traffic_flowed(void)
{
	bool good = worker->counters[COUNT_ENCRYPTED] == worker->counters[COUNT_TX];

	for (unsigned i = 0; i < DROP_REASONS; i++)
		if (worker->counters[i])
			fprintf(stderr, "teardown: %s: %lu\n", drop_name(i),
			        (unsigned long)worker->counters[i]);
	for (unsigned i = 0; i < DROP_REASONS; i++)
		good &= worker->counters[i] == 0;
	if (!good || !worker->counters[COUNT_TX])
		fprintf(stderr, "teardown: %lu packets encrypted, %lu sent\n",
		        (unsigned long)worker->counters[COUNT_ENCRYPTED],
		        (unsigned long)worker->counters[COUNT_TX]);
	return good && worker->counters[COUNT_TX];
}

struct options {
	uint32_t tunnels, rounds, cpu, control;
};

static bool number(const char *text, uint32_t max, uint32_t *out)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	*out = (uint32_t)v;
	return end != text && *end == '\0' && v <= max;
}

static int usage(FILE *to, int status)
{
	fprintf(to,
	        "usage: teardown [--tunnels N] [--rounds N] [--cpu N] [--control N]\n"
	        "  --tunnels N  that come and go (%u)\n"
	        "  --rounds N   of each kind, in turn (%u)\n"
	        "  --cpu N      of the worker (the last one)\n"
	        "  --control N  of the control core (the one before)\n",
	        TUNNELS, ROUNDS);
	return status;
}

// 0: measure; else the exit status and one.
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {{"tunnels", required_argument, NULL, 't'},
	                                      {"rounds", required_argument, NULL, 'r'},
	                                      {"cpu", required_argument, NULL, 'c'},
	                                      {"control", required_argument, NULL, 'k'},
	                                      {"help", no_argument, NULL, 'h'},
	                                      {0}};
	bool good = true;
	int opt;

	while (good && (opt = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		if (opt == 't')
			good = number(optarg, TUNNELS_MAX, &o->tunnels) && o->tunnels;
		else if (opt == 'r')
			good = number(optarg, ROUNDS_MAX, &o->rounds) && o->rounds;
		else if (opt == 'c')
			good = number(optarg, 1023, &o->cpu);
		else if (opt == 'k')
			good = number(optarg, 1023, &o->control);
		else if (opt == 'h')
			return usage(stdout, 1);
		else
			good = false;
	}
	return good && optind == argc ? 0 : usage(stderr, 2) + 1;
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct options o = {.tunnels = TUNNELS,
	                    .rounds = ROUNDS,
	                    .cpu = (uint32_t)(cpus - 1),
	                    .control = (uint32_t)(cpus > 1 ? cpus - 2 : 0)};
	int rc = parse(argc, argv, &o);

	if (rc)
		return rc - 1;
	rc = start(o.tunnels, o.cpu, o.control);
	if (rc == 0)
		rc = measure(o.tunnels, o.rounds);
	if (rc == 0 && !traffic_flowed())
		rc = -EIO;
	if (rc == 0)
		report();
	else if (dp)
		fprintf(stderr, "teardown: %s\n", strerror(rc < 0 ? -rc : rc));
	dp_stop(dp);
	free(flows);
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
