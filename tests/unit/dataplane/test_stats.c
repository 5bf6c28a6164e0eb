// A worker's statistics: classes of fill, share of busy time, sampled turns and their stages.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stats.h"

static struct stats s;

static int setup(void **state)
{
	(void)state;
	s = (struct stats){0};
	stats_init(&s);
	s.began = 1000;
	return 0;
}

static void fill_classes(void **state)
{
	static const struct {
		unsigned n, class;
		const char *name;
	} bursts[] = {{0, 0, "0"},      {1, 1, "1"},      {2, 2, "2-3"},    {3, 2, "2-3"},
	              {4, 3, "4-7"},    {7, 3, "4-7"},    {8, 4, "8-15"},   {15, 4, "8-15"},
	              {16, 5, "16-31"}, {31, 5, "16-31"}, {32, 6, "32-63"}, {63, 6, "32-63"},
	              {64, 7, "64"}};
	struct dp_worker_stats out;

	(void)state;
	for (unsigned i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++) {
		assert_int_equal(stats_fill_class(bursts[i].n), bursts[i].class);
		assert_string_equal(dp_fill_name(bursts[i].class), bursts[i].name);
		stats_burst(&s, bursts[i].n);
	}
	assert_int_equal(stats_fill_class(UINT16_MAX), DP_FILL_CLASSES - 1);
	assert_null(dp_fill_name(DP_FILL_CLASSES));
	stats_read(&s, &out);
	assert_int_equal(out.packets, 1 + 2 + 3 + 4 + 7 + 8 + 15 + 16 + 31 + 32 + 63 + 64);
	assert_int_equal(out.fill[0], 1);
	assert_int_equal(out.fill[2], 2);
	assert_int_equal(out.fill[7], 1);
}

// A turn lasts until the next one begins, so that a sleep belongs to the empty turn before it.
static void busy_share(void **state)
{
	struct dp_worker_stats out;

	(void)state;
	stats_turn(&s, 1100); // what was before the first turn was no work
	stats_turn_end(&s, true);
	stats_turn(&s, 1400);
	stats_turn_end(&s, false);
	stats_turn(&s, 9400); // slept
	stats_turn_end(&s, true);
	stats_turn(&s, 9600);
	stats_read(&s, &out);
	assert_int_equal(out.turns, 4);
	assert_int_equal(out.cycles, 8600);
	assert_int_equal(out.busy_turns, 2);
	assert_int_equal(out.busy_cycles, 300 + 200);
	assert_int_equal(out.longest, 300);
}

static void one_turn(uint64_t *tsc, bool worked)
{
	*tsc = rte_rdtsc();
	stats_turn(&s, *tsc);
	stats_stage(&s, DP_STAGE_RX, worked ? 8 : 0);
	stats_stage(&s, DP_STAGE_ESP_IN, worked ? 8 : 0);
	stats_stage(&s, DP_STAGE_DECRYPT, worked ? 8 : 0);
	stats_stage(&s, DP_STAGE_ESP_IN, 0); // the rest of the same call
	stats_turn_end(&s, worked);
}

// Every third turn is looked at; it counts if it had work.
static void sampled(void **state)
{
	struct dp_worker_stats out;
	uint64_t tsc, sum = 0;

	(void)state;
	stats_set_period(&s, 3);
	for (unsigned i = 0; i < 30; i++)
		one_turn(&tsc, i < 15);
	stats_read(&s, &out);
	assert_int_equal(out.period, 3);
	assert_int_equal(out.sampled_turns, 5);
	assert_int_equal(out.stages[DP_STAGE_RX].packets, 40);
	assert_int_equal(out.stages[DP_STAGE_ESP_IN].packets, 40);
	assert_int_equal(out.stages[DP_STAGE_ESP_IN].calls, 5);
	assert_int_equal(out.stages[DP_STAGE_DECRYPT].calls, 5);
	assert_int_equal(out.stages[DP_STAGE_TX].cycles, 0);
	// The stages' cycles are the turns': nothing is counted twice.
	for (unsigned i = 0; i < DP_STAGES; i++)
		sum += out.stages[i].cycles;
	assert_true(sum > 0 && sum <= out.busy_cycles);
}

// With every turn looked at, all of it but the way from one turn to the next is in some stage.
static void every_turn(void **state)
{
	struct dp_worker_stats out;
	uint64_t tsc, first = 0;

	(void)state;
	stats_set_period(&s, 1);
	for (unsigned i = 0; i < 100; i++) {
		one_turn(&tsc, true);
		first = first ? first : tsc;
	}
	stats_read(&s, &out);
	assert_int_equal(out.sampled_turns, 100);
	assert_int_equal(out.stages[DP_STAGE_DECRYPT].packets, 800);
}

// Off means off, and on again comes within a bounded number of turns.
static void switched_off(void **state)
{
	struct dp_worker_stats out;
	uint64_t tsc;

	(void)state;
	stats_set_period(&s, 0);
	for (unsigned i = 0; i < 5000; i++)
		one_turn(&tsc, true);
	stats_read(&s, &out);
	assert_int_equal(out.sampled_turns, 0);
	assert_int_equal(out.stages[DP_STAGE_RX].cycles, 0);
	stats_set_period(&s, 1);
	for (unsigned i = 0; i < 2000; i++)
		one_turn(&tsc, true);
	stats_read(&s, &out);
	assert_true(out.sampled_turns > 0);
}

static void names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DP_STAGES; i++)
		assert_non_null(dp_stage_name(i));
	assert_null(dp_stage_name(DP_STAGES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fill_classes, setup),
		cmocka_unit_test_setup(busy_share, setup),
		cmocka_unit_test_setup(sampled, setup),
		cmocka_unit_test_setup(every_turn, setup),
		cmocka_unit_test_setup(switched_off, setup),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
