// What sleeping costs and saves: how long a frame takes through a gateway whose worker polls, naps
// for 20 us at most, or waits for an interrupt, and what an idle worker and control core need of a
// CPU. Two taps in a network namespace of their own, this thread on one CPU at their other ends,
// the worker on another; the three ways take turns within one run. A measurement, not a test.
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"
#include "dp_internal.h"
#include "packet.h"
#include "worker.h"

#define ROUNDS        10u
#define ROUNDS_MAX    1000u
#define ASLEEP_FRAMES 200u // a round and way
#define LIGHT_FRAMES  1000u
#define IDLE_MS       300u
#define SETTLE_MS     20u
#define LOST_US       200000u
#define FROM          0x0a000002u
#define TO            0x0a000102u
#define CONTROL_CPU   0u

enum load { LOAD_ASLEEP, LOAD_LIGHT, LOADS };

static const struct {
	const char *name, *text;
	unsigned frames, gap_us, more_us; // from one frame's arrival to the next one's sending
} loads[LOADS] = {
	{"asleep", "a frame every 2 to 4 ms: the worker is asleep", ASLEEP_FRAMES, 2000, 2000},
	{"light", "a frame every 20 to 200 us", LIGHT_FRAMES, 20, 180},
};

#define WAYS 3
static const char *const ways[WAYS] = {
	[DP_IDLE_POLL] = "poll",
	[DP_IDLE_NAP] = "nap",
	[DP_IDLE_WAIT] = "interrupt",
};

struct samples {
	float *us;
	unsigned n, lost;
};

static struct samples samples[WAYS][LOADS];
static double worker_share[WAYS], control_share[WAYS]; // sums over the rounds
static struct dp *dp;
static int into, out_of; // sockets at the taps' other ends
static unsigned rounds = ROUNDS;
static uint32_t sequence;

struct probe {
	struct rte_ether_hdr eth;
	struct rte_ipv4_hdr ip;
	struct rte_udp_hdr udp;
	uint8_t sequence[4];
	uint8_t padding[14]; // to the least that Ethernet carries
};

static struct probe probe;

static void fail(const char *what)
{
	fprintf(stderr, "idle_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

// ---- the gateway -----------------------------------------------------------------------------

static void gateway_start(unsigned worker_cpu)
{
	struct dp_port_config ports[2] = {{.name = "in", .device = "net_tap0,iface=vi0"},
	                                  {.name = "out", .device = "net_tap1,iface=vi1"}};
	const struct dp_config config = {.ports = ports,
	                                 .n_ports = 2,
	                                 .worker_cpus = &worker_cpu,
	                                 .n_workers = 1,
	                                 .control_cpu = CONTROL_CPU,
	                                 .memory_mb = 192,
	                                 .idle_adaptive = true,
	                                 .max_peers = 8,
	                                 .max_tunnels = 8,
	                                 .max_sas = 16,
	                                 .max_ike_sas = 8};
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	struct dp_iface_config c = {.mtu = 1500, .up = true};
	struct ip_addr host = addr_v4(TO);
	char err[256] = "";

	dp = dp_start(&config, NULL, err, sizeof(err));
	if (!dp) {
		fprintf(stderr, "idle_bench: %s\n", err);
		exit(1);
	}
	for (uint16_t i = 0; i < 2; i++) {
		c.address = addr_v4((i ? TO : FROM) - 1);
		c.network = prefix_make(&c.address, 24);
		if (dp_iface_set(dp, i, &c))
			fail("interface");
	}
	if (dp_neighbour_set(dp, 1, &host, mac))
		fail("neighbour");
	if (dp->workers[0]->idle.way != DP_IDLE_WAIT) {
		fprintf(stderr, "idle_bench: the taps have no interrupts\n");
		exit(1);
	}
}

// The worker reads it once a turn.
static void way_set(enum dp_idle way)
{
	__atomic_store_n(&dp->workers[0]->idle.way, way, __ATOMIC_RELAXED);
	doorbell_wake(&dp->workers[0]->idle.bell);
	usleep(SETTLE_MS * 1000);
}

// ---- the other ends --------------------------------------------------------------------------

static int end_open(const char *name, uint16_t protocol)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

	to.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)))
		fail(name);
	return fd;
}

static void probe_make(void)
{
	memset(&probe, 0, sizeof(probe));
	rte_ether_addr_copy(&dp->ifaces[0].mac, &probe.eth.dst_addr);
	probe.eth.src_addr.addr_bytes[0] = 2;
	probe.eth.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	probe.ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(sizeof(probe) - sizeof(probe.eth)),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = rte_cpu_to_be_32(FROM),
		.dst_addr = rte_cpu_to_be_32(TO),
	};
	packet_checksum_ipv4(&probe.ip);
	probe.udp.dst_port = rte_cpu_to_be_16(9);
	probe.udp.dgram_len = rte_cpu_to_be_16(sizeof(probe) - sizeof(probe.eth) - 20);
}

// The end that listens is polled, so that its own waking is no part of it.
static bool heard(uint64_t until)
{
	struct probe p;

	while (rte_rdtsc() < until)
		if (recv(out_of, &p, sizeof(p), 0) == sizeof(p) &&
		    memcmp(p.sequence, probe.sequence, 4) == 0)
			return true;
	return false;
}

static void send_one(struct samples *s)
{
	double us = (double)dp->clock.hz / 1e6;
	uint64_t sent;

	sequence++;
	memcpy(probe.sequence, &sequence, sizeof(sequence));
	sent = rte_rdtsc();
	if (write(into, &probe, sizeof(probe)) != sizeof(probe))
		fail("write");
	if (heard(sent + (uint64_t)(LOST_US * us)))
		s->us[s->n++] = (float)((double)(rte_rdtsc() - sent) / us);
	else
		s->lost++;
}

static void pause_us(unsigned us)
{
	uint64_t until = rte_rdtsc() + dp->clock.hz / 1000000 * us;

	if (us > 1000)
		usleep(us - 500);
	while (rte_rdtsc() < until)
		rte_pause();
}

static void latency(enum dp_idle way, enum load load)
{
	for (unsigned i = 0; i < loads[load].frames; i++) {
		pause_us(loads[load].gap_us + (unsigned)rand() % loads[load].more_us);
		send_one(&samples[way][load]);
	}
}

// ---- idle ------------------------------------------------------------------------------------

static FILE *task_open(const char *tid, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/%s", tid, file);
	return fopen(path, "r");
}

static bool task_is(const char *tid, const char *thread)
{
	FILE *f = task_open(tid, "comm");
	char name[32] = "";
	bool is = f && fscanf(f, "%31s", name) == 1 && strcmp(name, thread) == 0;

	if (f)
		fclose(f);
	return is;
}

// The CPU time of a thread of this process, ns.
static uint64_t cpu_ns(const char *thread)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned long long ns = 0;
	const struct dirent *e;
	FILE *f = NULL;

	while (dir && !f && (e = readdir(dir)))
		if (task_is(e->d_name, thread))
			f = task_open(e->d_name, "schedstat");
	if (!f || fscanf(f, "%llu", &ns) != 1)
		fail(thread);
	fclose(f);
	closedir(dir);
	return ns;
}

static uint64_t own_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

// What the control core's loop asks of the dataplane in a turn.
static void control_turn(void)
{
	struct dp_event events[16];
	struct dp_view views[16];

	dp_events(dp, events, 16);
	dp_punt_horizon(dp);
	for (unsigned c = 0; c < DP_PUNT_CLASSES; c++)
		dp_punt_release(dp, views, dp_punt_recv(dp, (enum dp_punt)c, views, 16));
	dp_timers_run(dp);
	dp_control_idle(dp, 10000);
}

static void idle_cost(enum dp_idle way)
{
	uint64_t until, began, worker, own;

	dp->idle_adaptive = way != DP_IDLE_POLL; // read by this thread alone
	worker = cpu_ns("rte-worker-1");
	own = own_ns();
	began = dp_now_us(dp);
	until = began + IDLE_MS * 1000;
	while (dp_now_us(dp) < until)
		control_turn();
	until = dp_now_us(dp) - began;
	worker_share[way] += (double)(cpu_ns("rte-worker-1") - worker) / 1e3 / (double)until;
	control_share[way] += (double)(own_ns() - own) / 1e3 / (double)until;
}

// ---- what came out ---------------------------------------------------------------------------

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static double percentile(const struct samples *s, double p)
{
	unsigned i = (unsigned)(p * (double)s->n);

	return s->n ? (double)s->us[i < s->n ? i : s->n - 1] : 0;
}

static void print_table(void)
{
	for (unsigned l = 0; l < LOADS; l++) {
		printf("\nThrough the gateway, us: %s\n%-10s %8s %8s %8s %8s %8s %6s\n",
		       loads[l].text, "", "frames", "p50", "p90", "p99", "max", "lost");
		for (unsigned w = 0; w < WAYS; w++) {
			const struct samples *s = &samples[w][l];

			printf("%-10s %8u %8.1f %8.1f %8.1f %8.1f %6u\n", ways[w], s->n,
			       percentile(s, 0.5), percentile(s, 0.9), percentile(s, 0.99),
			       percentile(s, 1), s->lost);
		}
	}
	printf("\nIdle, share of a CPU\n%-10s %8s %8s\n", "", "worker", "control");
	for (unsigned w = 0; w < WAYS; w++)
		printf("%-10s %7.2f%% %7.2f%%\n", ways[w], worker_share[w] / rounds * 100,
		       control_share[w] / rounds * 100);
}

static void way_json(FILE *f, unsigned w)
{
	fprintf(f, "    {\"way\": \"%s\", \"idle_worker\": %.5f, \"idle_control\": %.5f", ways[w],
	        worker_share[w] / rounds, control_share[w] / rounds);
	for (unsigned l = 0; l < LOADS; l++) {
		const struct samples *s = &samples[w][l];

		fprintf(f,
		        ", \"%s\": {\"frames\": %u, \"lost\": %u, \"p50\": %.2f, \"p90\": %.2f, "
		        "\"p99\": %.2f, \"max\": %.2f}",
		        loads[l].name, s->n, s->lost, percentile(s, 0.5), percentile(s, 0.9),
		        percentile(s, 0.99), percentile(s, 1));
	}
	fprintf(f, "}");
}

static int write_json(const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");

	if (!f)
		fail(path);
	fprintf(f,
	        "{\n  \"command\": \"idle_bench --rounds %u\",\n  \"unit\": \"us; shares of a "
	        "CPU\",\n  \"results\": [\n",
	        rounds);
	for (unsigned w = 0; w < WAYS; w++) {
		way_json(f, w);
		fprintf(f, "%s\n", w + 1 < WAYS ? "," : "");
	}
	fprintf(f, "  ]\n}\n");
	return fflush(f) || ferror(f) ? 1 : 0;
}

// ---- start -----------------------------------------------------------------------------------

static int usage(void)
{
	fprintf(stderr, "usage: idle_bench [--rounds N] [--quick] [--cpu WORKER] [--json FILE]\n"
	                "  needs the right to make a network namespace, and /dev/net/tun\n");
	return 2;
}

static bool parse(int argc, char **argv, unsigned *cpu, const char **json)
{
	static const struct option options[] = {{"rounds", required_argument, NULL, 'r'},
	                                        {"quick", no_argument, NULL, 'q'},
	                                        {"cpu", required_argument, NULL, 'c'},
	                                        {"json", required_argument, NULL, 'j'},
	                                        {0}};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'r')
			rounds = (unsigned)strtoul(optarg, NULL, 10);
		else if (opt == 'q')
			rounds = 2;
		else if (opt == 'c')
			*cpu = (unsigned)strtoul(optarg, NULL, 10);
		else if (opt == 'j')
			*json = optarg;
		else
			return false;
	}
	return optind == argc && rounds > 0 && rounds <= ROUNDS_MAX;
}

static void ends_open(void)
{
	// No frames but ours.
	if (system("sysctl -qw net.ipv6.conf.all.disable_ipv6=1; "
	           "ip link set vi0 up && ip link set vi1 up"))
		fail("ip link");
	into = end_open("vi0", 0);
	out_of = end_open("vi1", RTE_ETHER_TYPE_IPV4);
	for (unsigned w = 0; w < WAYS; w++) {
		for (unsigned l = 0; l < LOADS; l++) {
			samples[w][l].us = calloc((size_t)rounds * loads[l].frames, sizeof(float));
			if (!samples[w][l].us)
				fail("samples");
		}
	}
}

static void run(void)
{
	for (unsigned r = 0; r < rounds; r++) {
		for (unsigned w = 0; w < WAYS; w++) {
			enum dp_idle way = (enum dp_idle)w;

			way_set(way);
			idle_cost(way);
			for (unsigned l = 0; l < LOADS; l++)
				latency(way, (enum load)l);
		}
	}
	for (unsigned w = 0; w < WAYS; w++)
		for (unsigned l = 0; l < LOADS; l++)
			qsort(samples[w][l].us, samples[w][l].n, sizeof(float), compare);
}

int main(int argc, char **argv)
{
	unsigned cpu = CONTROL_CPU + 1;
	const char *json = NULL;

	if (!parse(argc, argv, &cpu, &json))
		return usage();
	if (unshare(CLONE_NEWNET) || access("/dev/net/tun", R_OK | W_OK)) {
		perror("idle_bench");
		return usage();
	}
	gateway_start(cpu);
	ends_open();
	probe_make();
	run();
	way_set(DP_IDLE_WAIT);
	dp->idle_adaptive = true;
	printf("Two taps, the worker on CPU %u, the other ends on CPU %u; %u rounds of each way in "
	       "turn.\n",
	       cpu, CONTROL_CPU, rounds);
	print_table();
	dp_stop(dp);
	return json ? write_json(json) : 0;
}
