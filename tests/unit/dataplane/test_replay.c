// Replay window against a model that remembers every number: RFC 4303, 3.4.3. Of extended sequence
// numbers the model knows the whole, the window only what the wire carries (RFC 4303, appendix A2).
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

static bool model_check(const struct model *m, uint64_t seq)
{
	if (seq == 0)
		return false;
	if (seq > m->top)
		return true;
	return m->top - seq < m->size && !m->seen[seq - m->base];
}

static void model_commit(struct model *m, uint64_t seq)
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
static uint64_t pick(const struct model *m)
{
	uint32_t top = (uint32_t)(m->top - m->base), seq = top + 1 + rng(3);
	uint32_t kind = rng(100);

	if (kind < 45)
		seq = top > m->size + 5 ? top - rng(m->size + 5) : rng(50);
	else if (kind == 99)
		seq = top + m->size / 2 + rng(3 * m->size);
	if (seq > SPAN - 1)
		seq = SPAN - 1 - rng(m->size + 5);
	return m->base + seq;
}

static void run_against_model(uint32_t size, uint64_t base, bool extended)
{
	uint64_t *ring = calloc(replay_words(size), sizeof(*ring));
	struct model m = {.seen = calloc(SPAN, 1), .base = base, .top = base, .size = size};
	struct replay r;

	assert_non_null(ring);
	assert_non_null(m.seen);
	replay_init(&r, size, ring);
	if (base) { // bring both to the same place
		assert_true(replay_commit(&r, base));
		m.seen[0] = 1;
	}
	for (unsigned i = 0; i < 60000; i++) {
		uint64_t sent = pick(&m);
		uint64_t seq = extended ? replay_recover(&r, (uint32_t)sent) : sent;
		bool ok = model_check(&m, sent);

		if ((uint32_t)sent > r.top) // as sent above all others: the whole is the half
			assert_int_equal(seq, (uint32_t)sent);
		if (seq != sent) { // taken for another, so that the ICV will not hold
			assert_false(ok);
			continue;
		}
		assert_int_equal(replay_check(&r, seq), ok);
		if (rng(8) == 0)
			continue; // ICV did not hold: nothing may move
		if (replay_commit_next(&r, (uint32_t)sent))
			assert_true(ok && seq == (uint32_t)sent && r.top == seq);
		else
			assert_int_equal(replay_commit(&r, seq), ok);
		if (ok)
			model_commit(&m, seq);
		assert_int_equal(replay_check(&r, seq), false);
	}
	free(m.seen);
	free(ring);
}

static const uint32_t sizes[] = {1, 31, 32, 63, 64, 65, 100, 128, 1000, 1024, 4096};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static void against_model(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SIZES; i++) {
		run_against_model(sizes[i], 0, false);
		run_against_model(sizes[i], UINT32_MAX - SPAN + 1, false); // to the last number
	}
}

#define WRAP (UINT32_MAX + 1ull)

static void extended_against_model(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SIZES; i++) {
		run_against_model(sizes[i], 0, true);
		run_against_model(sizes[i], WRAP - 20000, true); // soon across
		run_against_model(sizes[i], 0x1234567 * WRAP - 20000, true);
		run_against_model(sizes[i], UINT64_MAX - SPAN + 1, true); // to the last number
	}
}

// The pseudo-code of RFC 4303, A2.2: Th, Tl is the top of the window, W its size.
static uint64_t rfc_recover(uint64_t top, uint32_t w, uint32_t seq_l)
{
	uint32_t th = (uint32_t)(top >> 32), tl = (uint32_t)top, seq_h;

	if (tl >= w - 1)
		seq_h = seq_l >= tl - w + 1 ? th : th + 1;
	else
		seq_h = seq_l >= tl - w + 1 ? th - 1 : th;
	return (uint64_t)seq_h << 32 | seq_l;
}

static uint64_t rng64(void)
{
	return (uint64_t)rng(UINT32_MAX) << 32 | rng(UINT32_MAX);
}

// However much is lost, up to 2^32 less the window: the number is the one that was sent.
static void recovered(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2000000; i++) {
		uint32_t size = sizes[rng(SIZES)];
		uint64_t top = rng64() >> rng(31), ahead = rng64() >> 32, sent;
		struct replay r = {.size = size};

		if (rng(2)) // near a wrap
			top = (top | UINT32_MAX) + rng(2 * size) - size;
		if (rng(4) == 0)
			ahead = rng(3) ? rng(2 * size) : UINT32_MAX - rng(size);
		if (top < size || UINT64_MAX - top < WRAP)
			continue;
		r.top = top;
		sent = top - size + 1 + ahead;
		assert_int_equal(replay_recover(&r, (uint32_t)sent), sent);
		assert_int_equal(rfc_recover(top, size, (uint32_t)sent), sent);
	}
}

// Before the window is full nothing can have been sent below 1.
static void recovered_at_the_start(void **state)
{
	struct replay r;

	(void)state;
	replay_init(&r, 64, NULL);
	assert_int_equal(replay_recover(&r, 1), 1);
	assert_int_equal(replay_recover(&r, UINT32_MAX), UINT32_MAX);
	assert_false(replay_check(&r, replay_recover(&r, 0)));
	assert_true(replay_commit(&r, 30));
	assert_int_equal(replay_recover(&r, UINT32_MAX - 10), UINT32_MAX - 10);
}

// Behind the last number of all there is none.
static void recovered_at_the_end(void **state)
{
	struct replay r;

	(void)state;
	replay_init(&r, 64, NULL);
	assert_true(replay_commit(&r, UINT64_MAX));
	assert_int_equal(replay_recover(&r, UINT32_MAX - 63), UINT64_MAX - 63);
	for (uint32_t low = 0; low < 200; low++)
		assert_false(replay_check(&r, replay_recover(&r, low)));
	assert_false(replay_check(&r, replay_recover(&r, UINT32_MAX - 64)));
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
		cmocka_unit_test(extended_against_model),
		cmocka_unit_test(recovered),
		cmocka_unit_test(recovered_at_the_start),
		cmocka_unit_test(recovered_at_the_end),
		cmocka_unit_test(last_number),
		cmocka_unit_test(duplicate_in_one_burst),
		cmocka_unit_test(off),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
