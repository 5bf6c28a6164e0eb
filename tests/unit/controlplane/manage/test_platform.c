// The texts of `show platform ...`, from views.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "show_platform.h"
#include "text.h"

static void is(struct text *t, const char *expected)
{
	assert_string_equal(t->data ? t->data : "", expected);
	text_fini(t);
}

static struct worker_view worker_view(void)
{
	struct worker_view v = {
		.worker = 1,
		.usage = {true, 0.473, 0.4, 0.051},
		.stats = {.cpu = 3,
	                  .hz = 2000000000,
	                  .turns = 1000,
	                  .busy_turns = 250,
	                  .cycles = 4000000,
	                  .busy_cycles = 1000000,
	                  .longest = 24000,
	                  .idle = DP_IDLE_WAIT,
	                  .sleeps = 7,
	                  .wakes = {4, 2, 1},
	                  .asleep = 2000000,
	                  .packets = 2000,
	                  .fill = {750, 1, 2, 0, 0, 50, 40, 7},
	                  .period = 61,
	                  .sampled_turns = 2},
		.drops = 12,
	};

	v.stats.stages[DP_STAGE_ENCRYPT] =
		(struct dp_stage_stats){.cycles = 2000, .packets = 20, .calls = 2};
	v.stats.stages[DP_STAGE_LOOP] = (struct dp_stage_stats){.cycles = 1000};
	return v;
}

static void workers(void **state)
{
	struct worker_view v = worker_view();
	struct text t = {0};

	(void)state;
	platform_workers_head(&t);
	platform_worker(&v, &t);
	v.usage.known = false;
	v.stats = (struct dp_worker_stats){.cpu = 4};
	platform_worker(&v, &t);
	is(&t, "Worker  CPU    5Sec    1Min    5Min       Packets in  a burst     Cycles"
	       "          Drops\n"
	       "1         3   47.3%   40.0%    5.1%             2000     20.0        500"
	       "             12\n"
	       "1         4       -       -       -                0      0.0          0"
	       "             12\n");
}

static void worker_detail(void **state)
{
	struct worker_view v = worker_view();
	struct counter_view drop = {.name = "drop no-route", .value = 12};
	struct text t = {0};

	(void)state;
	platform_worker_detail(&v, &t);
	platform_drop(&drop, &t);
	is(&t, "Worker 1 on CPU 3\n"
	       "  CPU utilization for five seconds: 47.3%; one minute: 40.0%; five minutes: 5.1%\n"
	       "  1000 turns, 250 with work: 25.0% of the time, the longest 12 us\n"
	       "  Waits for interrupts when idle: 7 sleeps, 50.0% of the time; ended by a port 2,"
	       " by another core 1, by time 4\n"
	       "  2000 packets in 100 receive bursts: 20.0 a burst, 500 cycles a packet\n"
	       "  Packets in a receive burst, and how many bursts had so many:\n"
	       "           fill        fill        fill        fill        fill        fill"
	       "        fill        fill\n"
	       "            750           1           2           0           0          50"
	       "          40           7\n"
	       "  Stages, of 2 turns with work (one turn in 61 is looked at):\n"
	       "    Stage          Share Cycles a turn  Packets a call Cycles a packet\n"
	       "    stage          66.7%          1000            10.0            100\n"
	       "    stage          33.3%           500\n"
	       "  12 packets dropped\n"
	       "                      12  drop no-route\n");
}

static void control(void **state)
{
	struct control_view v = {.usage = {true, 0.01, 0.005, 0},
	                         .turns = 5000,
	                         .busy_turns = 40,
	                         .late_turns = 1,
	                         .longest_us = 1203,
	                         .longest_cpu_us = 402,
	                         .long_turns = 2};
	struct text t = {0};

	(void)state;
	platform_control(&v, &t);
	is(&t, "Control core\n"
	       "  CPU utilization for five seconds: 1.0%; one minute: 0.5%; five minutes: 0.0%\n"
	       "  5000 turns, 40 with work, 1 late; the longest 1203 us, of CPU 402 us; 2 over"
	       " 1 ms of CPU\n");
	v.teardowns = 16;
	v.teardown_ms = 40;
	v.longest_teardown_ms = 30;
	for (unsigned i = 0; i < CONTROL_PARTS; i++)
		v.parts[i].name = i ? "another" : "one";
	v.parts[0].us = 100;
	v.parts[0].longest_us = 40;
	v.parts[1].us = 300;
	v.parts[1].longest_us = 200;
	platform_control(&v, &t);
	is(&t, "Control core\n"
	       "  CPU utilization for five seconds: 1.0%; one minute: 0.5%; five minutes: 0.0%\n"
	       "  5000 turns, 40 with work, 1 late; the longest 1203 us, of CPU 402 us; 2 over"
	       " 1 ms of CPU\n"
	       "  16 peers torn down, their last SA gone after 2.5 ms on average, 30 ms at most\n"
	       "  Part of a turn               Share   Longest us\n"
	       "  one                          25.0%           40\n"
	       "  another                      75.0%          200\n");
}

static void port(void **state)
{
	struct port_view v = {.name = "Gi0/0",
	                      .driver = "net_x",
	                      .steering = {.queues = 4, .workers = 4, .rss = true}};
	struct dp_steer_kind *kinds = v.steering.kinds;
	struct text t = {0};

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		kinds[i] = (struct dp_steer_kind){.asked = true, .rules = 4};
	platform_port(&v, &t);
	kinds[1] = (struct dp_steer_kind){.asked = true, .refused = "item not supported"};
	platform_port(&v, &t);
	kinds[0] = kinds[2] = kinds[3] = kinds[1];
	platform_port(&v, &t);
	snprintf(kinds[3].refused, sizeof(kinds[3].refused), "no UDP");
	platform_port(&v, &t);
	v.steering = (struct dp_port_steering){.queues = 1, .workers = 1};
	platform_port(&v, &t);
	is(&t, "Gi0/0, driver net_x\n"
	       "  4 receive queues of 4 workers, spread by addresses\n"
	       "  ESP steering: rte_flow, 16 rules\n"
	       "Gi0/0, driver net_x\n"
	       "  4 receive queues of 4 workers, spread by addresses\n"
	       "  ESP steering: rte_flow, 12 rules\n"
	       "    ESP over X: handoff (driver net_x: item not supported)\n"
	       "Gi0/0, driver net_x\n"
	       "  4 receive queues of 4 workers, spread by addresses\n"
	       "  ESP steering: handoff (driver net_x: item not supported)\n"
	       "Gi0/0, driver net_x\n"
	       "  4 receive queues of 4 workers, spread by addresses\n"
	       "  ESP steering: handoff (driver net_x: item not supported)\n"
	       "    ESP over X: handoff (driver net_x: no UDP)\n"
	       "Gi0/0, driver net_x\n"
	       "  1 receive queue of 1 worker\n"
	       "  ESP steering: none (all comes in at one worker)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers),
		cmocka_unit_test(worker_detail),
		cmocka_unit_test(control),
		cmocka_unit_test(port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
