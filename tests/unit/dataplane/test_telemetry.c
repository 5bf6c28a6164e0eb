// A dataplane that runs, seen from outside: what dp_worker_stats() says of a worker with nothing
// but full bursts, and the same through DPDK's telemetry socket.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "addr.h"
#include "api/dp.h"

static struct dp *dp;

// A port that brings 64 frames of zeros whenever it is asked: none of them is for us.
static int start(void **state)
{
	static const unsigned cpus[1] = {0};
	struct dp_port_config port = {.name = "null", .device = "net_null0"};
	const struct dp_config config = {.ports = &port,
	                                 .n_ports = 1,
	                                 .worker_cpus = cpus,
	                                 .n_workers = 1,
	                                 .memory_mb = 192,
	                                 .max_peers = 8,
	                                 .max_tunnels = 8,
	                                 .max_sas = 16,
	                                 .max_ike_sas = 8};
	struct dp_iface_config c = {.mtu = 1500, .up = true, .address = addr_v4(0x0a000001)};
	char err[256];

	(void)state;
	dp = dp_start(&config, NULL, err, sizeof(err));
	if (!dp) {
		print_error("%s\n", err);
		return -1;
	}
	c.network = prefix_make(&c.address, 24);
	return dp_iface_set(dp, 0, &c);
}

static int stop(void **state)
{
	(void)state;
	dp_stop(dp);
	return 0;
}

static struct dp_worker_stats wait_for_samples(uint64_t more)
{
	struct dp_worker_stats s;
	uint64_t from;

	dp_worker_stats(dp, 0, &s);
	from = s.sampled_turns;
	for (unsigned i = 0; i < 5000 && s.sampled_turns < from + more; i++) {
		usleep(1000);
		dp_worker_stats(dp, 0, &s);
	}
	assert_true(s.sampled_turns >= from + more);
	return s;
}

static void worker_stats(void **state)
{
	struct dp_worker_stats s = wait_for_samples(100);

	(void)state;
	assert_int_equal(s.cpu, 0);
	assert_true(s.hz > 100000000);
	assert_true(s.turns >= 100 * s.period && s.busy_turns > s.turns / 2);
	assert_true(s.busy_cycles > s.cycles / 2 && s.busy_cycles <= s.cycles);
	assert_true(s.fill[7] > 1000);
	assert_int_equal(s.fill[1] + s.fill[2] + s.fill[3] + s.fill[4] + s.fill[5] + s.fill[6], 0);
	// Relaxed words, each for itself: they may be a few bursts apart.
	assert_true(s.packets / 64 + 1000 > s.fill[7]);
	assert_true(s.stages[DP_STAGE_RX].packets >= 64 * 100);
	assert_int_equal(s.stages[DP_STAGE_DECRYPT].packets, 0);
	assert_true(s.sleeps == 0);
}

static void beyond_the_last(void **state)
{
	static const struct dp_worker_stats none;
	struct dp_worker_stats s;

	(void)state;
	dp_worker_stats(dp, 1, &s);
	assert_memory_equal(&s, &none, sizeof(s));
}

static void every_turn(void **state)
{
	struct dp_worker_stats s;

	(void)state;
	dp_worker_sample(dp, 1);
	s = wait_for_samples(1000);
	assert_int_equal(s.period, 1);
}

// ---- telemetry -------------------------------------------------------------------------------

static int ask_fd = -1;

static int telemetry_connect(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char info[1024];

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/dpdk_telemetry.v2",
	         rte_eal_get_runtime_dir());
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_true(read(fd, info, sizeof(info)) > 0);
	return fd;
}

static const char *ask(const char *command)
{
	static char out[20000];
	ssize_t n;

	if (ask_fd < 0)
		ask_fd = telemetry_connect();
	assert_int_equal(write(ask_fd, command, strlen(command)), (ssize_t)strlen(command));
	n = read(ask_fd, out, sizeof(out) - 1);
	assert_true(n > 0);
	out[n] = '\0';
	return out;
}

// The number behind a name.
static uint64_t value(const char *answer, const char *name)
{
	char quoted[64];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\":", name);
	at = strstr(answer, quoted);
	if (!at)
		fail_msg("no %s in %s", name, answer);
	return strtoull(at + strlen(quoted), NULL, 10);
}

static void telemetry(void **state)
{
	const char *a;

	(void)state;
	assert_string_equal(ask("/vigil/workers"), "{\"/vigil/workers\":[0]}");
	a = ask("/vigil/worker,0");
	assert_true(value(a, "busy_cycles") > 0);
	assert_true(value(a, "bursts_64") > 1000);
	assert_int_equal(value(a, "bursts_2_3"), 0);
	assert_true(value(a, "stage_rx_packets") > 0);
	assert_int_equal(value(a, "stage_esp_in_packets"), 0);
	a = ask("/vigil/drops");
	assert_true(value(a, "not_our_mac") > 1000);
	assert_int_equal(value(a, "esp_replay"), 0);
	assert_true(value(ask("/vigil/drops,0"), "not_our_mac") > 1000);
	assert_true(value(ask("/vigil/counters"), "idle_sleeps") == 0);
}

static void telemetry_bad_parameters(void **state)
{
	static const char *const bad[] = {"/vigil/worker",    "/vigil/worker,1",
	                                  "/vigil/worker,x",  "/vigil/worker,-1",
	                                  "/vigil/worker,0x", "/vigil/worker,99999999999999999999"};

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_string_equal(ask(bad[i]), "{\"/vigil/worker\":null}");
	assert_string_equal(ask("/vigil/drops,4294967295"), "{\"/vigil/drops\":null}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_stats),
		cmocka_unit_test(beyond_the_last),
		cmocka_unit_test(every_turn),
		cmocka_unit_test(telemetry),
		cmocka_unit_test(telemetry_bad_parameters),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
