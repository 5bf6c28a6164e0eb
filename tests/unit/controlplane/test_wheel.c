// The timer wheel against a sorted model under a virtual clock.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "wheel.h"

#define TIMERS 500u

struct model {
	struct wheel wheel;
	struct wheel_timer timers[TIMERS];
	bool armed[TIMERS];
	tick_t expires[TIMERS];
	tick_t now;
	unsigned fired;
	tick_t last_fired;
};

static void fire(void *ctx, struct wheel_timer *t)
{
	struct model *m = ctx;
	unsigned i = (unsigned)(t - m->timers);

	assert_true(m->armed[i]);
	assert_false(wheel_is_armed(t));
	// Never early, and in order of their ticks.
	assert_true(tick_diff(m->expires[i], m->now) <= 0);
	assert_true(tick_diff(m->wheel.now, m->expires[i]) >= 0);
	m->armed[i] = false;
	m->fired++;
}

static void arm(struct model *m, unsigned i, tick_t expires)
{
	wheel_arm(&m->wheel, &m->timers[i], expires, fire);
	m->armed[i] = true;
	m->expires[i] = expires;
}

static void check_none_late(const struct model *m)
{
	unsigned armed = 0;

	for (unsigned i = 0; i < TIMERS; i++) {
		assert_int_equal(m->armed[i], wheel_is_armed(&m->timers[i]));
		assert_false(m->armed[i] && tick_diff(m->expires[i], m->now) <= 0);
		armed += m->armed[i];
	}
	assert_int_equal(armed, m->wheel.armed);
}

static tick_t random_delay(void)
{
	unsigned bits = (unsigned)rand() % 26;

	return (tick_t)rand() & ((1u << bits) - 1);
}

static void against_model(void **state)
{
	static struct model m;

	(void)state;
	srand(1);
	m.now = 0xffff8000u; // wraps early in the run
	wheel_init(&m.wheel, m.now);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rand() % TIMERS;

		if (rand() % 4 == 0) {
			wheel_cancel(&m.wheel, &m.timers[i]);
			m.armed[i] = false;
		} else {
			arm(&m, i, m.now + random_delay());
		}
		if (rand() % 8 == 0)
			m.now += rand() % 16 ? (tick_t)rand() % 300 : (tick_t)rand() % 70000;
		while (wheel_run(&m.wheel, m.now, 7, &m) == 7)
			;
		check_none_late(&m);
	}
	assert_true(m.fired > 1000);
}

static void exact_tick(void **state)
{
	static struct model m;

	(void)state;
	m = (struct model){0};
	wheel_init(&m.wheel, 0);
	for (unsigned i = 0; i < TIMERS; i++)
		arm(&m, i, i * 1311);
	for (m.now = 0; m.now < TIMERS * 1311; m.now++) {
		unsigned before = m.fired;

		while (wheel_run(&m.wheel, m.now, 100, &m) == 100)
			;
		assert_int_equal(m.fired - before, m.now % 1311 == 0);
	}
}

static void budget_is_kept(void **state)
{
	static struct model m;

	(void)state;
	m = (struct model){0};
	wheel_init(&m.wheel, 0);
	for (unsigned i = 0; i < TIMERS; i++)
		arm(&m, i, 5);
	m.now = 5;
	assert_int_equal(wheel_run(&m.wheel, 5, 100, &m), 100);
	assert_int_equal(m.fired, 100);
	assert_int_equal(wheel_run(&m.wheel, 5, 1000, &m), 400);
	assert_int_equal(wheel_run(&m.wheel, 5, 1000, &m), 0);
}

static void rearm_self(void *ctx, struct wheel_timer *t)
{
	struct model *m = ctx;

	m->fired++;
	wheel_arm(&m->wheel, t, t->expires + 10, rearm_self);
}

static void cancel_other(void *ctx, struct wheel_timer *t)
{
	struct model *m = ctx;

	m->fired++;
	wheel_cancel(&m->wheel, t == &m->timers[0] ? &m->timers[1] : &m->timers[0]);
}

static void rearm_and_cancel_while_firing(void **state)
{
	static struct model m;

	(void)state;
	m = (struct model){0};
	wheel_init(&m.wheel, 0);
	wheel_arm(&m.wheel, &m.timers[0], 10, rearm_self);
	assert_int_equal(wheel_run(&m.wheel, 1000, 1000, &m), 100);
	wheel_cancel(&m.wheel, &m.timers[0]);
	m.fired = 0;
	wheel_arm(&m.wheel, &m.timers[0], 1100, cancel_other);
	wheel_arm(&m.wheel, &m.timers[1], 1100, cancel_other);
	wheel_run(&m.wheel, 1200, 10, &m);
	assert_int_equal(m.fired, 1);
	assert_int_equal(m.wheel.armed, 0);
}

static void again(void *ctx, struct wheel_timer *t)
{
	struct model *m = ctx;

	m->fired++;
	wheel_arm(&m->wheel, t, t->expires + 10000, again);
}

// A million timers of a hundred seconds, and rekeys an hour away: each tick moves its share of
// them, and no tick the work of many.
static void work_is_spread(void **state)
{
	const unsigned n = 1000000;
	struct wheel_timer *timers = calloc(2 * n, sizeof(*timers));
	static struct model m;
	uint64_t moved = 0;
	uint32_t most = 0;

	(void)state;
	assert_non_null(timers);
	m = (struct model){0};
	wheel_init(&m.wheel, 0xffffff00u);
	for (unsigned i = 0; i < n; i++) {
		wheel_arm(&m.wheel, &timers[i], 0xffffff01u + i % 10000, again);
		wheel_arm(&m.wheel, &timers[n + i], 0xffffff00u + 360000 + i % 36000, again);
	}
	for (unsigned tick = 1; tick <= 30000; tick++) {
		m.fired = 0;
		wheel_run(&m.wheel, 0xffffff00u + tick, UINT32_MAX, &m);
		assert_int_equal(m.fired, n / 10000);
		moved += m.wheel.moved;
		most = m.wheel.moved > most ? m.wheel.moved : most;
	}
	assert_in_range(most, 50, 5 * n / 10000);
	assert_in_range(moved, 1000000, 4 * n);
	for (unsigned i = 0; i < 2 * n; i++)
		wheel_cancel(&m.wheel, &timers[i]);
	for (unsigned i = 0; i <= WHEEL_DUE; i++)
		assert_int_equal(m.wheel.counts[i], 0);
	free(timers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_model),  cmocka_unit_test(exact_tick),
		cmocka_unit_test(budget_is_kept), cmocka_unit_test(rearm_and_cancel_while_firing),
		cmocka_unit_test(work_is_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
