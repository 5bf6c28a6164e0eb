// What a worker remembers of flows (flow_memo.h): two a line, told apart by addresses, protocol
// and, where there are any, ports.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow_memo.h"

static struct flow_memo_line lines[2];
static struct sa sa = {.current = 9};
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

static void what_is_put_is_found(void **state)
{
	const struct flow_memo_entry *e;

	(void)state;
	assert_null(flow_memo_find(lines, flow(1)));
	flow_memo_put(lines, flow(1), &sa, 3);
	e = flow_memo_find(lines, flow(1));
	assert_non_null(e);
	assert_ptr_equal(e->sa, &sa);
	assert_int_equal(e->current, 9);
	assert_int_equal(e->out, 3);
}

static void a_line_keeps_the_two_newest(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 3; i++)
		flow_memo_put(lines, flow(i), &sa, (uint16_t)i);
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
	flow_memo_put(lines, flow_memo_key(&memo, bytes, true), &sa, 3);
	assert_null(flow_memo_find(lines, flow_memo_key(&memo, others, true)));
	flow_memo_put(lines, flow_memo_key(&memo, bytes, false), &sa, 4);
	assert_int_equal(flow_memo_find(lines, flow_memo_key(&memo, others, false))->out, 4);
	later.epoch = FLOW_MEMO_EPOCH_MAX; // all of its bits
	assert_null(flow_memo_find(lines, flow_memo_key(&later, bytes, true)));
	assert_null(flow_memo_find(lines, flow_memo_key(&later, bytes, false)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_put_is_found, setup),
		cmocka_unit_test_setup(a_line_keeps_the_two_newest, setup),
		cmocka_unit_test_setup(ports_and_epochs_tell_flows_apart, setup),
	};

	return cmocka_run_group_tests_name("flow_memo", tests, NULL, NULL);
}
