// What a worker remembers of flows (flow_memo.h): two a line, whose SA and keys are found by where
// they lie, or by slot if that is too far away or the keys are not AES-128-GCM's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow_memo.h"

static struct flow_memo_line lines[2];
static struct sa_keys keys;
static struct sa other,
	sa = {.slot = 7, .current = 9, .engine = SA_ENGINE_GCM, .key_len = 16, .keys = &keys};
static struct flow_memo memo = {.lines = lines, .mask = 1, .epoch = 1};

static __m128i flow(uint32_t remote)
{
	return flow_memo_key(&memo, _mm_set_epi32(0x00500050, (int)remote, 0x0a000001, 0x1234063f),
	                     true);
}

static int setup(void **state)
{
	(void)state;
	memset(lines, 0, sizeof(lines));
	return 0;
}

static void near_ones_are_found_by_where_they_lie(void **state)
{
	const struct flow_memo_entry *e;

	(void)state;
	flow_memo_put(&memo, lines, flow(1), &sa, 3);
	e = flow_memo_find(lines, flow(1));
	assert_non_null(e);
	assert_int_equal(e->key_len, FLOW_MEMO_NEAR);
	assert_ptr_equal(flow_memo_at(&memo, e->sa), &sa);
	assert_ptr_equal(flow_memo_at(&memo, e->keys), &keys);
	assert_int_equal(e->current, 9);
	assert_int_equal(e->out, 3);
}

static void what_is_far_is_found_by_slot(void **state)
{
	const int64_t beyond = ((int64_t)INT32_MAX + 1) * SA_LINE;
	const struct flow_memo_entry *e;

	(void)state;
	other = sa;
	for (int sign = -1; sign <= 1; sign += 2) {
		other.keys = (struct sa_keys *)((intptr_t)lines + sign * (beyond + SA_LINE));
		flow_memo_put(&memo, lines, flow(1), &other, 3);
		e = flow_memo_find(lines, flow(1));
		assert_non_null(e);
		assert_int_equal(e->key_len, 16);
		assert_int_equal(e->slot, 7);
	}
	other.keys = (struct sa_keys *)((intptr_t)lines - beyond); // the last one that is not
	flow_memo_put(&memo, lines, flow(1), &other, 3);
	e = flow_memo_find(lines, flow(1));
	assert_int_equal(e->key_len, FLOW_MEMO_NEAR);
	assert_ptr_equal(flow_memo_at(&memo, e->keys), other.keys);
}

static void other_keys_are_found_by_slot(void **state)
{
	const struct {
		uint8_t engine, key_len;
		bool near;
	} kinds[] = {{SA_ENGINE_GCM, 16, true},     {SA_ENGINE_GCM_ESN, 16, true},
	             {SA_ENGINE_COLD, 16, true},    {SA_ENGINE_GCM, 32, false},
	             {SA_ENGINE_CHACHA, 32, false}, {SA_ENGINE_CBC, 16, false},
	             {SA_ENGINE_MB, 24, false},     {SA_ENGINE_MB, 0, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct flow_memo_entry *e;

		other = sa;
		other.engine = kinds[i].engine;
		other.key_len = kinds[i].key_len;
		other.slot = 100 + (uint32_t)i;
		flow_memo_put(&memo, lines, flow(1), &other, 3);
		e = flow_memo_find(lines, flow(1));
		assert_non_null(e);
		assert_int_equal(e->engine, kinds[i].engine);
		assert_int_equal(e->key_len, kinds[i].near ? FLOW_MEMO_NEAR : kinds[i].key_len);
		if (!kinds[i].near)
			assert_int_equal(e->slot, other.slot);
	}
}

static void a_line_keeps_the_two_newest(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 3; i++)
		flow_memo_put(&memo, lines, flow(i), &sa, (uint16_t)i);
	assert_null(flow_memo_find(lines, flow(1)));
	assert_int_equal(flow_memo_find(lines, flow(2))->out, 2);
	assert_int_equal(flow_memo_find(lines, flow(3))->out, 3);
	flow_memo_forget(lines, flow(3));
	assert_null(flow_memo_find(lines, flow(3)));
	assert_int_equal(flow_memo_find(lines, flow(2))->out, 2);
}

static void ports_and_epochs_tell_flows_apart(void **state)
{
	const __m128i bytes = _mm_set_epi32(0x00500050, 2, 0x0a000001, 0x1234063f);
	const __m128i others = _mm_set_epi32(0x00510050, 2, 0x0a000001, 0x4321063e);
	struct flow_memo later = memo;

	(void)state;
	flow_memo_put(&memo, lines, flow_memo_key(&memo, bytes, true), &sa, 3);
	assert_null(flow_memo_find(lines, flow_memo_key(&memo, others, true)));
	flow_memo_put(&memo, lines, flow_memo_key(&memo, bytes, false), &sa, 4);
	assert_int_equal(flow_memo_find(lines, flow_memo_key(&memo, others, false))->out, 4);
	later.epoch = FLOW_MEMO_EPOCH_MAX; // all of its bits
	assert_null(flow_memo_find(lines, flow_memo_key(&later, bytes, true)));
	assert_null(flow_memo_find(lines, flow_memo_key(&later, bytes, false)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(near_ones_are_found_by_where_they_lie, setup),
		cmocka_unit_test_setup(what_is_far_is_found_by_slot, setup),
		cmocka_unit_test_setup(other_keys_are_found_by_slot, setup),
		cmocka_unit_test_setup(a_line_keeps_the_two_newest, setup),
		cmocka_unit_test_setup(ports_and_epochs_tell_flows_apart, setup),
	};

	return cmocka_run_group_tests_name("flow_memo", tests, NULL, NULL);
}
