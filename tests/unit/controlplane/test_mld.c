// Multicast listener discovery as the control core does it: who may hear others claim our addresses
// says so first, repeats it, and answers those who ask. Frames are scapy's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "apply.h"
#include "control.h"
#include "fake_control.h"
#include "fake_dp.h"
#include "mld_message.h"
#include "nd_message.h"
#include "neighbour.h"

#define S    TICKS_PER_SECOND
#define TYPE 62 // where the message begins
#define KIND 70 // the type of the first record

static const uint8_t joins[90] = {
	0x33, 0x33, 0,    0, 0,    0x16, 2, 0, 0,    0, 0,    0, 0x86, 0xdd, 0x60, 0, 0, 0,
	0,    0x24, 0,    1, 0xfe, 0x80, 0, 0, 0,    0, 0,    0, 0,    0,    0,    0, 0, 0,
	0,    1,    0xff, 2, 0,    0,    0, 0, 0,    0, 0,    0, 0,    0,    0,    0, 0, 0x16,
	0x3a, 0,    5,    2, 0,    0,    1, 0, 0x8f, 0, 0x71, 7, 0,    0,    0,    1, 4, 0,
	0,    0,    0xff, 2, 0,    0,    0, 0, 0,    0, 0,    0, 0,    1,    0xff, 0, 0, 1};
static const uint8_t goes_on_v1[86] = {
	0x33, 0x33, 0xff, 0, 0,    1,    2, 0, 0,    0, 0,    0,    0x86, 0xdd, 0x60, 0, 0,    0,
	0,    0x20, 0,    1, 0xfe, 0x80, 0, 0, 0,    0, 0,    0,    0,    0,    0,    0, 0,    0,
	0,    1,    0xff, 2, 0,    0,    0, 0, 0,    0, 0,    0,    0,    1,    0xff, 0, 0,    1,
	0x3a, 0,    5,    2, 0,    0,    1, 0, 0x83, 0, 0x82, 0x1f, 0,    0,    0,    0, 0xff, 2,
	0,    0,    0,    0, 0,    0,    0, 0, 0,    1, 0xff, 0,    0,    1};
// To all, to be answered within ten seconds.
static const uint8_t query2[90] = {
	0x33, 0x33, 0,    0, 0,    1,    2, 1, 2,    3, 4,    5,    0x86, 0xdd, 0x60, 0, 0, 0,
	0,    0x24, 0,    1, 0xfe, 0x80, 0, 0, 0,    0, 0,    0,    0,    0,    0,    0, 0, 0,
	0,    9,    0xff, 2, 0,    0,    0, 0, 0,    0, 0,    0,    0,    0,    0,    0, 0, 1,
	0x3a, 0,    5,    2, 0,    0,    1, 0, 0x82, 0, 0x59, 0x0b, 0x27, 0x10, 0,    0, 0, 0,
	0,    0,    0,    0, 0,    0,    0, 0, 0,    0, 0,    0,    0,    0,    0,    0, 0, 0};
static const uint8_t query1[86] = {
	0x33, 0x33, 0,    0, 0,    1,    2, 1, 2,    3, 4,    5,    0x86, 0xdd, 0x60, 0, 0, 0,
	0,    0x20, 0,    1, 0xfe, 0x80, 0, 0, 0,    0, 0,    0,    0,    0,    0,    0, 0, 0,
	0,    9,    0xff, 2, 0,    0,    0, 0, 0,    0, 0,    0,    0,    0,    0,    0, 0, 1,
	0x3a, 0,    5,    2, 0,    0,    1, 0, 0x82, 0, 0x59, 0x0f, 0x27, 0x10, 0,    0, 0, 0,
	0,    0,    0,    0, 0,    0,    0, 0, 0,    0, 0,    0,    0,    0};
static struct control c;

static void sink(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static int setup(void **state)
{
	static const char text[] = "platform\n port FastEthernet0 net_null0\n"
				   "interface FastEthernet0\n ipv6 address fe80::1 link-local\n";
	int err;

	(void)state;
	err = fake_link_create(&c, text, sink);
	apply_interface_addresses(&c, 0);
	return err;
}

static int teardown(void **state)
{
	(void)state;
	return fake_link_destroy(&c);
}

static void pass(tick_t ticks)
{
	fake_link_pass(&c, ticks);
}

static void deliver(const uint8_t *frame, uint16_t len)
{
	struct dp_view v = {.data = frame, .len = len};

	neighbour_frame(&c, &v);
}

static void bytes_on_the_wire(void **state)
{
	struct mld_report r = {.from = {2}, .starts = true};
	uint8_t frame[MLD_FRAME];

	(void)state;
	addr_parse("fe80::1", &r.src);
	addr_parse("ff02::1:ff00:1", &r.group);
	assert_int_equal(mld_write(&r, frame), sizeof(joins));
	assert_memory_equal(frame, joins, sizeof(joins));
	r.version1 = true;
	assert_int_equal(mld_write(&r, frame), sizeof(goes_on_v1));
	assert_memory_equal(frame, goes_on_v1, sizeof(goes_on_v1));
}

static void wrong_queries_are_ignored(void **state)
{
	struct mld_query q;
	uint8_t frame[90];

	(void)state;
	assert_int_equal(mld_read(query1, sizeof(query1), &q), 0);
	assert_true(q.version1 && addr_is_zero(&q.group));
	assert_int_equal(q.delay_ms, 10000);
	assert_int_equal(mld_read(query2, sizeof(query2), &q), 0);
	assert_false(q.version1);
	assert_int_equal(mld_read(joins, sizeof(joins), &q), -ENOENT);
	memcpy(frame, query2, sizeof(frame));
	for (unsigned i = 0; i < sizeof(frame); i++)
		assert_true(mld_read(frame, i, &q) < 0);
	for (unsigned i = 12; i < sizeof(frame); i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			bool option = i >= 57 && i < 62; // what is in the alert, and padding
			bool ignored = (i == 14 && bit < 4) || (i > 14 && i < 18) || option;

			frame[i] ^= (uint8_t)(1 << bit);
			if (!ignored)
				assert_true(mld_read(frame, sizeof(frame), &q) < 0);
			frame[i] ^= (uint8_t)(1 << bit);
		}
}

// RFC 4862, 5.4.2: before the first solicitation, which has no source yet (RFC 3590).
static void the_group_is_joined_first(void **state)
{
	struct nd_message m;

	(void)state;
	pass(2);
	assert_int_equal(c.dp->frames, 2);
	assert_int_equal(c.dp->frame_before[TYPE], 143);
	assert_memory_equal(c.dp->frame_before + KIND, joins + KIND, sizeof(joins) - KIND);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(c.dp->frame_before[22 + i], 0);
	assert_int_equal(nd_read(c.dp->frame, c.dp->frame_len, &m), 0);
	assert_int_equal(m.type, ND_SOLICITATION);
	pass(2 * S); // and again, from the address that may be used now
	assert_int_equal(c.dp->frames, 4);
	assert_memory_equal(c.dp->frame_before, joins, sizeof(joins));
	apply_link(&c, 0, false);
	assert_int_equal(c.dp->frames, 4);
	apply_link(&c, 0, true); // perhaps behind another switch
	pass(2);
	assert_int_equal(c.dp->frames, 6);
	assert_int_equal(c.dp->frame_before[TYPE], 143);
	assert_memory_equal(c.dp->frame_before + KIND, joins + KIND, sizeof(joins) - KIND);
}

static void queries_are_answered(void **state)
{
	uint8_t frame[90];

	(void)state;
	pass(2 * S);
	c.dp->frames = 0;
	for (unsigned i = 0; i < 100; i++)
		deliver(query2, sizeof(query2));
	pass(10 * S + 1);
	assert_int_equal(c.dp->frames, 1);
	assert_int_equal(c.dp->frame[TYPE], 143);
	assert_int_equal(c.dp->frame[KIND], 2);
	deliver(query1, sizeof(query1));
	pass(10 * S + 1);
	assert_int_equal(c.dp->frames, 2);
	assert_memory_equal(c.dp->frame, goes_on_v1, sizeof(goes_on_v1));
	memcpy(frame, query2, sizeof(frame));
	memset(frame + 6, 0, 6);
	frame[6] = 2; // our own, come back
	deliver(frame, sizeof(frame));
	pass(10 * S + 1);
	assert_int_equal(c.dp->frames, 2);
	deliver(query2, sizeof(query2)); // what is under way ends with the address
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_on_the_wire),
		cmocka_unit_test(wrong_queries_are_ignored),
		cmocka_unit_test_setup_teardown(the_group_is_joined_first, setup, teardown),
		cmocka_unit_test_setup_teardown(queries_are_answered, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
