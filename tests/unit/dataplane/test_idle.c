// Nothing is slept over: doorbells in every order of their steps and under two threads, workers
// that wait for interrupts (a tap) and for other cores, and what the control core sees of a worker
// that sleeps. Each dataplane has a process of its own, since EAL starts once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <rte_cycles.h>
#include <rte_ring.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "addr.h"
#include "doorbell.h"
#include "test_eal.h"
#include "worker.h"

#define SKIPPED  77
#define ROUNDS   20000u
#define RACES    200000u
#define PATIENCE 20000 // ms; only what is lost takes as long

// ---- the doorbell, step by step --------------------------------------------------------------

static bool readable(const struct doorbell *d, int ms)
{
	struct pollfd p = {.fd = d->fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

static void nobody_is_woken_who_is_awake(void **state)
{
	struct doorbell d;

	(void)state;
	assert_int_equal(doorbell_init(&d), 0);
	doorbell_ring(&d);
	assert_false(readable(&d, 0));
	doorbell_announce(&d);
	doorbell_up(&d);
	doorbell_ring(&d);
	assert_false(readable(&d, 0));
	doorbell_fini(&d);
}

// The sender's ring at each place between the sleeper's announcement and its poll.
static void a_ring_after_the_announcement_stays(void **state)
{
	struct doorbell d;

	(void)state;
	assert_int_equal(doorbell_init(&d), 0);
	doorbell_announce(&d);
	doorbell_ring(&d);
	doorbell_ring(&d); // a second sender, before the sleeper is up
	assert_true(readable(&d, 0));
	assert_true(doorbell_answer(&d));
	assert_false(readable(&d, 0));
	assert_false(doorbell_answer(&d));
	doorbell_up(&d);
	// The sleeper got up between a sender's read and its write: the next sleep ends at once.
	doorbell_announce(&d);
	doorbell_wake(&d);
	doorbell_up(&d);
	doorbell_announce(&d);
	assert_true(readable(&d, 0));
	assert_true(doorbell_answer(&d));
	doorbell_fini(&d);
}

// ---- the doorbell under two threads ------------------------------------------------------------

struct pair {
	struct doorbell bell;
	uint32_t put;   // writer: sender
	uint32_t taken; // writer: sleeper
	bool lost;      // writer: sleeper
};

static uint32_t load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static bool look(struct pair *p)
{
	uint32_t put = load(&p->put);
	bool found = put != p->taken;

	__atomic_store_n(&p->taken, put, __ATOMIC_RELEASE);
	return found;
}

static void *sleeper(void *arg)
{
	struct pair *p = arg;

	while (p->taken < ROUNDS && !p->lost) {
		doorbell_announce(&p->bell);
		if (!look(p) && !readable(&p->bell, PATIENCE))
			__atomic_store_n(&p->lost, true, __ATOMIC_RELAXED);
		(void)doorbell_answer(&p->bell);
		doorbell_up(&p->bell);
		look(p);
	}
	return NULL;
}

// Every message may be the only one for long, so that each lost ring shows.
static void no_ring_is_lost(void **state)
{
	struct pair p = {0};
	pthread_t thread;

	(void)state;
	assert_int_equal(doorbell_init(&p.bell), 0);
	assert_int_equal(pthread_create(&thread, NULL, sleeper, &p), 0);
	for (uint32_t i = 1; i <= ROUNDS && !__atomic_load_n(&p.lost, __ATOMIC_RELAXED); i++) {
		for (volatile uint32_t spin = rng(400); spin; spin--)
			;
		__atomic_store_n(&p.put, i, __ATOMIC_RELEASE);
		doorbell_ring(&p.bell);
		while (rng(4) && load(&p.taken) != i && !__atomic_load_n(&p.lost, __ATOMIC_RELAXED))
			sched_yield();
	}
	pthread_join(thread, NULL);
	assert_false(p.lost);
	assert_int_equal(p.taken, ROUNDS);
	doorbell_fini(&p.bell);
}

// ---- both at the same moment -------------------------------------------------------------------

struct race {
	struct doorbell bell;
	uint32_t begun;            // writer: sender
	alignas(64) uint32_t put;  // writer: sender
	alignas(64) uint32_t done; // writer: sleeper; the round, and in bit 31 whether it saw `put`
};

// A machine with less than two cores free needs to be told.
static void spin_until(const uint32_t *word, uint32_t value)
{
	for (unsigned i = 1; (load(word) & INT32_MAX) != value; i++)
		if (i % 1000 == 0)
			sched_yield();
}

static void *lies_down(void *arg)
{
	struct race *r = arg;

	for (uint32_t i = 1; i <= RACES; i++) {
		uint32_t seen;

		spin_until(&r->begun, i);
		doorbell_announce(&r->bell);
		seen = load(&r->put) == i;
		__atomic_store_n(&r->done, i | seen << 31, __ATOMIC_RELEASE);
	}
	return NULL;
}

// A sender and a sleeper that do not see each other: without the two fences this finds some.
static void one_of_two_sees_the_other(void **state)
{
	struct race r = {0};
	unsigned missed = 0;
	pthread_t thread;

	(void)state;
	assert_int_equal(doorbell_init(&r.bell), 0);
	assert_int_equal(pthread_create(&thread, NULL, lies_down, &r), 0);
	for (uint32_t i = 1; i <= RACES; i++) {
		__atomic_store_n(&r.begun, i, __ATOMIC_RELEASE);
		for (volatile uint32_t spin = rng(60); spin; spin--)
			;
		__atomic_store_n(&r.put, i, __ATOMIC_RELEASE);
		doorbell_ring(&r.bell);
		spin_until(&r.done, i);
		missed += !doorbell_answer(&r.bell) && !(load(&r.done) >> 31);
		doorbell_up(&r.bell);
	}
	pthread_join(thread, NULL);
	assert_int_equal(missed, 0);
	doorbell_fini(&r.bell);
}

// ---- whole dataplanes, in children; 0 = good ---------------------------------------------------

static struct dp *start(const char *device, unsigned workers, bool adaptive)
{
	static const unsigned cpus[4];
	struct dp_port_config port = {.name = "eth0", .rx_queues = 1};
	const struct dp_config config = {.ports = &port,
	                                 .n_ports = 1,
	                                 .worker_cpus = cpus,
	                                 .n_workers = workers,
	                                 .memory_mb = 192,
	                                 .idle_adaptive = adaptive,
	                                 .max_peers = 8,
	                                 .max_tunnels = 8,
	                                 .max_sas = 16,
	                                 .max_ike_sas = 8};
	char err[256];
	struct dp *dp;

	snprintf(port.device, sizeof(port.device), "%s", device);
	dp = dp_start(&config, NULL, err, sizeof(err));
	if (!dp) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	return dp;
}

static struct dp_worker_stats stats_of(const struct dp *dp, unsigned worker)
{
	struct dp_worker_stats s;

	dp_worker_stats(dp, worker, &s);
	return s;
}

// Until the worker has slept so many more times.
static bool sleeps(const struct dp *dp, unsigned worker, uint64_t more)
{
	uint64_t until = stats_of(dp, worker).sleeps + more;

	for (int i = 0; i < PATIENCE; i++) {
		if (stats_of(dp, worker).sleeps >= until)
			return true;
		usleep(1000);
	}
	return false;
}

// Until the worker has lain down: on a busy machine it may take a while to get to it.
static bool lies(const struct dp *dp, unsigned worker)
{
	for (int i = 0; i < PATIENCE; i++) {
		if (__atomic_load_n(&dp->workers[worker]->idle.bell.asleep, __ATOMIC_RELAXED))
			return true;
		usleep(100);
	}
	return false;
}

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "line %d: %s\n", __LINE__, #what);                         \
			return 2;                                                                  \
		}                                                                                  \
	} while (0)

static int child_ways(void)
{
	struct dp *dp = start("net_ring0", 2, true);

	CHECK(stats_of(dp, 0).idle == DP_IDLE_NAP);  // its port has no interrupts
	CHECK(stats_of(dp, 1).idle == DP_IDLE_WAIT); // it has no port
	CHECK(sleeps(dp, 0, 3) && sleeps(dp, 1, 3));
	CHECK(stats_of(dp, 1).asleep > 0 && stats_of(dp, 1).wakes[DP_WAKE_TIME] > 0);
	dp_stop(dp);
	return 0;
}

static int child_polls(void)
{
	struct dp *dp = start("net_ring0", 2, false);
	uint64_t turns = stats_of(dp, 1).turns;

	while (stats_of(dp, 1).turns < turns + 1000)
		usleep(1000);
	CHECK(stats_of(dp, 1).idle == DP_IDLE_POLL && stats_of(dp, 1).sleeps == 0);
	CHECK(dp->waiters == 0);
	dp_stop(dp);
	return 0;
}

// Messages of the control core at random moments: each is taken, and some of them woke the worker.
static int child_messages(void)
{
	struct ip_addr host = addr_v4(0x0a000002);
	uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	struct dp *dp = start("net_ring0", 2, true);
	uint64_t bells = stats_of(dp, 1).wakes[DP_WAKE_BELL];

	for (unsigned i = 0; i < 300; i++) {
		CHECK(i % 2 || lies(dp, 1)); // awake or asleep
		CHECK(dp_neighbour_set(dp, 0, &host, mac) == 0);
		for (int ms = 0; rte_ring_count(dp->workers[1]->messages); ms++) {
			CHECK(ms < PATIENCE);
			usleep(50);
		}
		usleep(rng(2000));
	}
	CHECK(stats_of(dp, 1).wakes[DP_WAKE_BELL] > bells + 30);
	dp_stop(dp);
	return 0;
}

// It lets memory go, and what it has heard keeps up with the clock.
static int child_quiescent(void)
{
	struct dp *dp = start("net_ring0", 2, true);

	for (unsigned i = 0; i < 50; i++) {
		uint64_t token = rte_rcu_qsbr_start(dp->rcu);
		tick_t now = dp_now(dp);

		for (int ms = 0; rte_rcu_qsbr_check(dp->rcu, token, false) != 1; ms++) {
			CHECK(ms < PATIENCE);
			usleep(100);
		}
		for (int ms = 0; tick_before(dp_punt_horizon(dp), now); ms++) {
			CHECK(ms < PATIENCE);
			usleep(1000);
		}
	}
	dp_stop(dp);
	return 0;
}

// Fragments come in at worker 0; those of half the datagrams are worker 1's, which has no port.
static int child_handoffs(void)
{
	struct dp_iface_config c = {.mtu = 1500, .up = true, .address = addr_v4(0x0a000001)};
	struct dp *dp = start("net_ring0", 2, true); // what goes out comes in again
	uint64_t bells = stats_of(dp, 1).wakes[DP_WAKE_BELL];
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
	                          .total_length = rte_cpu_to_be_16(44),
	                          .fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG),
	                          .time_to_live = 64,
	                          .next_proto_id = 17,
	                          .src_addr = rte_cpu_to_be_32(0x0a000002),
	                          .dst_addr = rte_cpu_to_be_32(0x0a000001)};
	uint8_t frame[60] = {[6] = 2, [12] = 8};
	uint64_t handed = 0;

	c.network = prefix_make(&c.address, 24);
	CHECK(dp_iface_set(dp, 0, &c) == 0);
	memcpy(frame, &dp->ifaces[0].mac, 6);
	for (uint16_t i = 0; i < 60; i++) {
		uint64_t before = dp_counter(dp, 0, COUNT_HANDOFF);

		usleep(rng(3000));
		CHECK(lies(dp, 1));
		ip.packet_id = i;
		ip.hdr_checksum = 0;
		packet_checksum_ipv4(&ip);
		memcpy(frame + 14, &ip, sizeof(ip));
		CHECK(dp_frame_send(dp, 0, frame, sizeof(frame)) == 0);
		usleep(1000);
		handed += dp_counter(dp, 0, COUNT_HANDOFF) - before;
		for (int ms = 0; rte_ring_count(dp->handoffs[0 * 2 + 1]); ms++) {
			CHECK(ms < PATIENCE);
			usleep(50);
		}
	}
	CHECK(handed > 10 && stats_of(dp, 1).wakes[DP_WAKE_BELL] > bells + handed / 4);
	dp_stop(dp);
	return 0;
}

static void count(void *arg)
{
	++*(unsigned *)arg;
}

// However late the control core looks, its ticker stays in the middle of a tick, and misses none.
static int child_ticker(void)
{
	struct dp *dp = start("net_ring0", 1, true);
	unsigned ticks = 0;
	tick_t from, to;

	CHECK(dp_ticker_start(dp, TICK_MS, count, &ticks) == 0);
	from = dp_now(dp);
	usleep(25000);
	for (unsigned i = 0; i < 40; i++) {
		uint64_t into;

		dp_timers_run(dp);
		into = (dp->ticker_due - dp->clock.base) % dp->clock.cycles_a_tick * 100;
		CHECK(into / dp->clock.cycles_a_tick >= 49 && into / dp->clock.cycles_a_tick <= 51);
		usleep(rng(12000));
	}
	do {
		to = dp_now(dp);
		dp_timers_run(dp);
	} while (dp->ticker_due <= rte_rdtsc());
	CHECK(ticks + 2 >= to - from && ticks <= dp_now(dp) - from + 1);
	dp_stop(dp);
	return 0;
}

// What rings for a control core that sleeps: a worker with a frame for it, a helper thread.
static int child_control(void)
{
	static const uint8_t arp[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6};
	struct dp_iface_config c = {.mtu = 1500, .up = true, .address = addr_v4(0x0a000001)};
	struct dp *dp = start("net_ring0", 1, true); // what goes out comes in again
	struct doorbell helper;

	c.network = prefix_make(&c.address, 24);
	CHECK(dp_iface_set(dp, 0, &c) == 0);
	for (unsigned i = 0; i < 20; i++) {
		uint64_t punted = dp_counter(dp, 0, COUNT_PUNT_FRAME);

		if (i % 2)
			doorbell_announce(&dp->bell);
		CHECK(dp_frame_send(dp, 0, arp, sizeof(arp)) == 0);
		CHECK(i % 2 == 0 || readable(&dp->bell, PATIENCE));
		for (int ms = 0; dp_counter(dp, 0, COUNT_PUNT_FRAME) == punted; ms++) {
			CHECK(ms < PATIENCE);
			usleep(1000);
		}
		CHECK(doorbell_answer(&dp->bell) == i % 2);
		doorbell_up(&dp->bell);
	}
	// There is a frame: it does not sleep, and does not take the ring for the next time either.
	CHECK(doorbell_init(&helper) == 0 && dp_control_watch(dp, helper.fd) == 0);
	doorbell_wake(&helper);
	dp_control_idle(dp, 10000);
	CHECK(readable(&helper, 0));
	for (struct dp_view v; dp_punt_recv(dp, DP_PUNT_FRAME, &v, 1);)
		dp_punt_release(dp, &v, 1);
	dp_control_idle(dp, 10000);
	CHECK(!readable(&helper, 0));
	dp_control_unwatch(dp, helper.fd);
	doorbell_wake(&helper);
	dp_control_idle(dp, 1000);
	CHECK(readable(&helper, 0));
	doorbell_fini(&helper);
	dp_stop(dp);
	return 0;
}

static int open_socket(const char *name)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	to.sll_ifindex = (int)if_nametoindex(name);
	return fd >= 0 && bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? fd : -1;
}

// The worker that has taken a frame since. -1: none in all patience.
static int taker(const struct dp *dp, const struct dp_worker_stats *before)
{
	for (int ms = 0; ms < PATIENCE; ms++) {
		for (unsigned i = 0; i < dp_workers(dp); i++)
			if (stats_of(dp, i).packets > before[i].packets)
				return (int)i;
		usleep(100);
	}
	return -1;
}

// Frames one by one through a socket on the device's other side, after sleeps of any length: each
// is taken, and most of them woke the worker that took it.
static int frames_one_by_one(struct dp *dp, const char *name, unsigned n)
{
	uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,  9,
	                     8,    0,    0x45, 0,    0,    46,   0, 0, 0, 0, 64, 17};
	unsigned taken[4] = {0}, woken[4] = {0};
	struct dp_worker_stats before[4];
	int fd = open_socket(name);

	CHECK(fd >= 0);
	for (unsigned i = 0; i < n; i++) {
		int w;

		usleep(rng(3000));
		for (unsigned k = 0; k < dp_workers(dp); k++) {
			CHECK(lies(dp, k));
			before[k] = stats_of(dp, k);
			CHECK(before[k].idle == DP_IDLE_WAIT);
		}
		frame[29] =
			(uint8_t)i; // the source address: of another flow, perhaps of another queue
		CHECK(write(fd, frame, sizeof(frame)) == sizeof(frame));
		w = taker(dp, before);
		CHECK(w >= 0);
		taken[w]++;
		woken[w] += stats_of(dp, (unsigned)w).wakes[DP_WAKE_PORT] >
		            before[w].wakes[DP_WAKE_PORT];
	}
	for (unsigned k = 0; k < dp_workers(dp); k++)
		CHECK(taken[k] > 0 && woken[k] * 2 > taken[k]);
	return 0;
}

static int child_tap(void)
{
	struct dp *dp;
	int rc;

	if (unshare(CLONE_NEWNET) || access("/dev/net/tun", R_OK | W_OK))
		return SKIPPED;
	dp = start("net_tap0,iface=vt0", 1, true);
	if (system("ip link set vt0 up"))
		return SKIPPED;
	rc = frames_one_by_one(dp, "vt0", 200);
	dp_stop(dp);
	return rc;
}

static int af_packet(const char *device, unsigned workers)
{
	struct dp *dp;
	int rc;

	if (unshare(CLONE_NEWNET))
		return SKIPPED;
	if (system("ip link add gw0 type veth peer name host0 && ip link set gw0 up && "
	           "ip link set host0 up"))
		return SKIPPED;
	dp = start(device, workers, true);
	rc = frames_one_by_one(dp, "host0", 200);
	dp_stop(dp);
	return rc;
}

static int child_af_packet(void)
{
	return af_packet("net_af_packet0,iface=gw0", 1);
}

// Which queue a frame comes in at is the kernel's choice: each worker is woken by its own.
static int child_af_packet_queues(void)
{
	return af_packet("net_af_packet0,iface=gw0,qpairs=3", 2);
}

static void in_a_process(int (*child)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(2, 1); // keeps the TAP stream clean
		_exit(child());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIPPED)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void workers_idle_as_their_ports_allow(void **state)
{
	(void)state;
	in_a_process(child_ways);
}

static void polling_workers_do_not_sleep(void **state)
{
	(void)state;
	in_a_process(child_polls);
}

static void messages_wake_a_worker(void **state)
{
	(void)state;
	in_a_process(child_messages);
}

static void handoffs_wake_a_worker(void **state)
{
	(void)state;
	in_a_process(child_handoffs);
}

static void a_sleeping_worker_holds_nothing_up(void **state)
{
	(void)state;
	in_a_process(child_quiescent);
}

static void the_ticker_keeps_its_place(void **state)
{
	(void)state;
	in_a_process(child_ticker);
}

static void workers_and_helpers_wake_the_control_core(void **state)
{
	(void)state;
	in_a_process(child_control);
}

static void frames_wake_a_worker(void **state)
{
	(void)state;
	in_a_process(child_tap);
}

static void frames_wake_through_a_socket(void **state)
{
	(void)state;
	in_a_process(child_af_packet);
}

static void frames_wake_the_worker_of_their_queue(void **state)
{
	(void)state;
	in_a_process(child_af_packet_queues);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_woken_who_is_awake),
		cmocka_unit_test(a_ring_after_the_announcement_stays),
		cmocka_unit_test(no_ring_is_lost),
		cmocka_unit_test(one_of_two_sees_the_other),
		cmocka_unit_test(workers_idle_as_their_ports_allow),
		cmocka_unit_test(polling_workers_do_not_sleep),
		cmocka_unit_test(messages_wake_a_worker),
		cmocka_unit_test(handoffs_wake_a_worker),
		cmocka_unit_test(a_sleeping_worker_holds_nothing_up),
		cmocka_unit_test(the_ticker_keeps_its_place),
		cmocka_unit_test(workers_and_helpers_wake_the_control_core),
		cmocka_unit_test(frames_wake_a_worker),
		cmocka_unit_test(frames_wake_through_a_socket),
		cmocka_unit_test(frames_wake_the_worker_of_their_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
