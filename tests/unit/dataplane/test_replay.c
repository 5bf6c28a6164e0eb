// Replay window against a model that remembers every number: RFC 4303, 3.4.3.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "replay.h"

#define SPAN 200000u

struct model {
	uint8_t *seen; // [SPAN], from `base`
	uint64_t base, top;
	uint32_t size;
};

static bool model_check(const struct model *m, uint32_t seq)
{
	if (seq == 0)
		return false;
	if (seq > m->top)
		return true;
	return m->top - seq < m->size && !m->seen[seq - m->base];
}

static void model_commit(struct model *m, uint32_t seq)
{
	m->seen[seq - m->base] = 1;
	if (seq > m->top)
		m->top = seq;
}

static uint64_t rng_state = 88172645463325252ull;

static uint32_t rng(uint32_t below)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return (uint32_t)((rng_state >> 11) % below);
}

// A number near the window: mostly small steps, now and then a jump past the whole window.
static uint32_t pick(const struct model *m)
{
	uint64_t limit = m->base + SPAN - 1, seq = m->top + 1 + rng(3);
	uint32_t kind = rng(100);

	if (kind < 45)
		seq = m->top > m->size + 5 + m->base ? m->top - rng(m->size + 5)
		                                     : m->base + rng(50);
	else if (kind == 99)
		seq = m->top + m->size / 2 + rng(3 * m->size);
	if (seq > limit)
		seq = limit - rng(m->size + 5);
	return (uint32_t)seq;
}

static void run_against_model(uint32_t size, uint64_t base)
{
	uint64_t *ring = calloc(replay_words(size), sizeof(*ring));
	struct model m = {.seen = calloc(SPAN, 1), .base = base, .top = base, .size = size};
	struct replay r;

	assert_non_null(ring);
	assert_non_null(m.seen);
	replay_init(&r, size, ring);
	if (base) { // bring both to the same place
		assert_true(replay_commit(&r, (uint32_t)base));
		m.seen[0] = 1;
	}
	for (unsigned i = 0; i < 60000; i++) {
		uint32_t seq = pick(&m);
		bool ok = model_check(&m, seq);

		assert_int_equal(replay_check(&r, seq), ok);
		if (rng(8) == 0)
			continue; // ICV did not hold: nothing may move
		assert_int_equal(replay_commit(&r, seq), ok);
		if (ok)
			model_commit(&m, seq);
		assert_int_equal(replay_check(&r, seq), false);
	}
	free(m.seen);
	free(ring);
}

static void against_model(void **state)
{
	static const uint32_t sizes[] = {1, 31, 32, 63, 64, 65, 100, 128, 1000, 1024, 4096};

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		run_against_model(sizes[i], 0);
		run_against_model(sizes[i], UINT32_MAX - SPAN + 1); // up to the last number
	}
}

static void last_number(void **state)
{
	struct replay r;

	(void)state;
	replay_init(&r, 64, NULL);
	assert_true(replay_commit(&r, UINT32_MAX));
	assert_false(replay_check(&r, UINT32_MAX));
	assert_true(replay_check(&r, UINT32_MAX - 63));
	assert_false(replay_check(&r, UINT32_MAX - 64));
	assert_false(replay_check(&r, 0)); // no wrap
	assert_false(replay_check(&r, 1));
}

// Two copies in one burst: both are checked before the first is committed.
static void duplicate_in_one_burst(void **state)
{
	struct replay r;

	(void)state;
	replay_init(&r, 32, NULL);
	assert_true(replay_check(&r, 7));
	assert_true(replay_check(&r, 7));
	assert_true(replay_commit(&r, 7));
	assert_false(replay_commit(&r, 7));
}

static void off(void **state)
{
	struct replay r;

	(void)state;
	replay_init(&r, 0, NULL);
	assert_true(replay_commit(&r, 0));
	assert_true(replay_commit(&r, 9));
	assert_true(replay_commit(&r, 9));
	assert_true(replay_commit(&r, 1));
	assert_int_equal(r.top, 9);
}

static void words(void **state)
{
	(void)state;
	assert_int_equal(replay_words(1), 1);
	assert_int_equal(replay_words(64), 1);
	assert_int_equal(replay_words(65), 2);
	assert_int_equal(replay_words(129), 4);
	assert_int_equal(replay_words(REPLAY_WINDOW_MAX), 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_model),
		cmocka_unit_test(last_number),
		cmocka_unit_test(duplicate_in_one_burst),
		cmocka_unit_test(off),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
