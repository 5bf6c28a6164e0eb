// The gateway as a router towards the hosts of a link (RFC 4861, 6.2): what it says, when, and that
// it says so when it is none any more. Frames are scapy's.
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
#include "bytes.h"
#include "control.h"
#include "fake_control.h"
#include "fake_dp.h"
#include "nd_message.h"
#include "neighbour.h"
#include "router.h"
#include "router_message.h"

#define S        TICKS_PER_SECOND
#define MESSAGE  54 // where the ICMPv6 message begins
#define LIFETIME (MESSAGE + 6)
#define MTU      (MESSAGE + 16 + 8 + 4)
#define PREFIXES (MESSAGE + 16 + 8 + 8)

static const uint8_t advertisement[150] = {
	0x33, 0x33, 0,    0,    0,    1,    2,    0,    0,    0,    0,    0,    0x86, 0xdd, 0x60,
	0,    0,    0,    0,    0x60, 0x3a, 0xff, 0xfe, 0x80, 0,    0,    0,    0,    0,    0,
	0,    0,    0,    0,    0,    0,    0,    1,    0xff, 2,    0,    0,    0,    0,    0,
	0,    0,    0,    0,    0,    0,    0,    0,    1,    0x86, 0,    0x8c, 0xe6, 0x40, 0x88,
	7,    8,    0,    0,    0,    0,    0,    0,    0,    0,    1,    1,    2,    0,    0,
	0,    0,    0,    5,    1,    0,    0,    0,    0,    5,    0x78, 3,    4,    0x40, 0xc0,
	0,    0x27, 0x8d, 0,    0,    9,    0x3a, 0x80, 0,    0,    0,    0,    0x20, 1,    0x0d,
	0xb8, 0,    1,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    3,    4,
	0x30, 0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0x20,
	1,    0x0d, 0xb8, 0,    2,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0};
static const uint8_t solicitation[70] = {
	0x33, 0x33, 0,    0,    0,    2,    2, 1, 2, 3, 4, 5, 0x86, 0xdd, 0x60, 0, 0, 0,
	0,    0x10, 0x3a, 0xff, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0,    0,    0,    0, 0, 0,
	0,    9,    0xff, 2,    0,    0,    0, 0, 0, 0, 0, 0, 0,    0,    0,    0, 0, 2,
	0x85, 0,    0x74, 0x1c, 0,    0,    0, 0, 1, 1, 2, 1, 2,    3,    4,    5};
static struct control c;

static void sink(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	(void)line;
}

static void pass(tick_t ticks)
{
	fake_link_pass(&c, ticks);
}

// A router whose first advertisements, at their faster pace, have been sent.
static int setup(void **state)
{
	static const char text[] =
		"platform\n port FastEthernet0 net_null0\n"
		"ipv6 unicast-routing\n"
		"interface FastEthernet0\n ipv6 address fe80::1 link-local\n"
		" ipv6 address 2001:db8:1::1/64\n ipv6 mtu 1400\n"
		" ipv6 nd managed-config-flag\n ipv6 nd router-preference High\n"
		" ipv6 nd prefix 2001:db8:2::/48 infinite infinite off-link no-autoconfig\n";
	int err;

	(void)state;
	err = fake_link_create(&c, text, sink);
	apply_interface_addresses(&c, 0);
	return err;
}

static int setup_calm(void **state)
{
	int err = setup(state);

	pass(100 * S);
	c.dp->frames = 0;
	return err;
}

static int teardown(void **state)
{
	(void)state;
	return fake_link_destroy(&c);
}

// From nobody: from an address, its neighbour is looked for as well.
static void ask(void)
{
	struct nd_message m = {.type = ND_ROUTER_SOLICITATION, .from = {2, 1, 2, 3, 4, 5}};
	uint8_t frame[ND_FRAME];
	struct dp_view v = {.data = frame};

	addr_parse("::", &m.src);
	addr_parse("ff02::2", &m.dst);
	v.len = (uint16_t)nd_write(&m, frame);
	neighbour_frame(&c, &v);
}

static bool is_advert(const uint8_t *frame)
{
	return frame[MESSAGE] == 134;
}

// How long until the next frame, which is an advertisement.
static tick_t until_advert(tick_t most)
{
	unsigned frames = c.dp->frames;
	tick_t start = c.now;

	while (c.dp->frames == frames && c.now - start < most)
		pass(1);
	assert_int_equal(c.dp->frames, frames + 1);
	assert_true(is_advert(c.dp->frame));
	return c.now - start;
}

static void type(const char *line)
{
	const char *const lines[] = {"interface FastEthernet0", line, NULL};

	fake_change(&c, lines);
}

static void type_global(const char *line)
{
	const char *const lines[] = {line, NULL};

	fake_change(&c, lines);
}

static void what_is_said(void **state)
{
	(void)state;
	until_advert(200 * S + 1);
	assert_int_equal(c.dp->frame_len, sizeof(advertisement));
	assert_memory_equal(c.dp->frame, advertisement, sizeof(advertisement));
	type("ipv6 nd prefix default no-advertise"); // of its own network: nothing
	until_advert(4 * S);
	assert_int_equal(c.dp->frame_len, PREFIXES + 32);
	assert_memory_equal(c.dp->frame + PREFIXES, advertisement + PREFIXES + 32, 32);
	type("ipv6 nd prefix 2001:db8:1::/64 100 50 off-link");
	until_advert(4 * S);
	assert_int_equal(c.dp->frame_len, PREFIXES + 64);
	assert_int_equal(c.dp->frame[PREFIXES + 3], 0x40);
	assert_int_equal(bytes_get_u32(c.dp->frame + PREFIXES + 4), 100);
	assert_int_equal(bytes_get_u32(c.dp->frame + PREFIXES + 8), 50);
	type("ipv6 nd ra lifetime 0");
	until_advert(4 * S);
	assert_int_equal(bytes_get_u16(c.dp->frame + LIFETIME), 0);
}

// Not a longer one than the device has taken.
static void mtu_in_force(void **state)
{
	(void)state;
	until_advert(200 * S + 1);
	assert_int_equal(bytes_get_u32(c.dp->frame + MTU), 1400);
	c.dp->device_mtu = 1800;
	type("mtu 9000");
	type("ipv6 mtu 9000");
	pass(20 * S);
	until_advert(200 * S + 1);
	assert_int_equal(c.dp->ifaces[0].mtu6, 1800);
	assert_int_equal(bytes_get_u32(c.dp->frame + MTU), 1800);
}

// Nothing before the link-local address is known to be ours; then three soon, the rest at ease.
static void the_first_come_soon(void **state)
{
	tick_t wait, start = c.now;

	(void)state;
	pass(S);
	assert_false(is_advert(c.dp->frame) || is_advert(c.dp->frame_before));
	while (!is_advert(c.dp->frame) && c.now - start < 10 * S)
		pass(1);
	assert_true(is_advert(c.dp->frame));
	assert_true(c.now - start < 3 * S);
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(until_advert(300 * S), 3 * S - 1, 16 * S + 1);
	wait = until_advert(300 * S);
	assert_in_range(wait, 150 * S, 200 * S + 1);
	type("ipv6 nd ra interval 10 4");
	for (unsigned i = 0; i < 5; i++)
		until_advert(10 * S + 1);
	for (unsigned i = 0; i < 50; i++)
		assert_in_range(until_advert(10 * S + 1), 4 * S, 10 * S + 1);
}

// RFC 4861, 6.2.6: soon, but however many ask, not more than each three seconds.
static void hosts_are_answered(void **state)
{
	uint8_t first_of_change[256] = {0};

	(void)state;
	until_advert(200 * S + 1);
	pass(4 * S);
	ask();
	assert_in_range(until_advert(200 * S), 1, S / 2 + 2);
	for (unsigned i = 0; i < 100; i++)
		ask();
	assert_in_range(until_advert(200 * S), 3 * S - 1, 3 * S + 1);
	assert_in_range(until_advert(201 * S), 140 * S, 200 * S + 1);
	type("ipv6 nd ra suppress");
	c.dp->frames = 0;
	pass(1000 * S);
	assert_int_equal(c.dp->frames, 0);
	ask();
	until_advert(S);
	pass(1000 * S);
	assert_int_equal(c.dp->frames, 1);
	c.dp->frames = 0;
	c.dp->first_frame = first_of_change;
	type("ipv6 nd ra suppress all");
	c.dp->first_frame = NULL;
	assert_true(is_advert(first_of_change)); // goodbye
	assert_int_equal(bytes_get_u16(first_of_change + LIFETIME), 0);
	c.dp->frames = 0;
	ask();
	pass(1000 * S);
	assert_int_equal(c.dp->frames, 0);
	type("no ipv6 nd ra suppress all");
	until_advert(S);
	assert_int_equal(bytes_get_u16(c.dp->frame + LIFETIME), 1800);
}

// RFC 4861, 6.2.5: hosts hear at once that this is no router any more.
static void goodbye(void **state)
{
	static const char *const ways[][2] = {
		{"no ipv6 unicast-routing", "ipv6 unicast-routing"},
		{"shutdown", "no shutdown"},
		{"no ipv6 address", "ipv6 address fe80::1 link-local"}};

	(void)state;
	until_advert(200 * S + 1);
	for (unsigned i = 0; i < 3; i++) {
		c.dp->frames = 0;
		(i == 0 ? type_global : type)(ways[i][0]);
		assert_int_equal(c.dp->frames, 1);
		assert_true(is_advert(c.dp->frame));
		assert_int_equal(c.dp->frame_len, PREFIXES);
		assert_int_equal(bytes_get_u16(c.dp->frame + LIFETIME), 0);
		assert_int_equal(c.dp->frame[37], 1); // from fe80::1, which hosts know
		ask();
		pass(300 * S);
		assert_int_equal(c.dp->frames, 1);
		(i == 0 ? type_global : type)(ways[i][1]);
		pass(100 * S);
		assert_true(is_advert(c.dp->frame));
		assert_int_equal(bytes_get_u16(c.dp->frame + LIFETIME), 1800);
	}
	router_stop(&c);
	assert_int_equal(bytes_get_u16(c.dp->frame + LIFETIME), 0);
}

// A link that was away: nothing while it is, and three soon when it is back.
static void links_come_back(void **state)
{
	(void)state;
	until_advert(200 * S + 1);
	apply_link(&c, 0, false);
	c.dp->frames = 0;
	pass(300 * S);
	assert_int_equal(c.dp->frames, 0);
	apply_link(&c, 0, true);
	pass(2 * S);
	assert_true(is_advert(c.dp->frame));
	for (unsigned i = 0; i < 2; i++)
		assert_in_range(until_advert(300 * S), 3 * S - 1, 16 * S + 1);
}

// Who asks for routers is a neighbour, if its address is of the link.
static void who_asks_is_known(void **state)
{
	struct dp_view v = {.data = solicitation, .len = sizeof(solicitation)};
	struct ip_addr host;
	bool known = false;

	(void)state;
	addr_parse("fe80::9", &host);
	neighbour_frame(&c, &v);
	for (unsigned i = 0; i < FAKE_NEIGH; i++)
		known |= c.dp->neighbours[i].used && addr_equal(&c.dp->neighbours[i].addr, &host) &&
		         memcmp(c.dp->neighbours[i].mac, solicitation + 6, 6) == 0;
	assert_true(known);
}

static void wrong_solicitations_are_ignored(void **state)
{
	struct nd_message m;
	uint8_t frame[sizeof(solicitation)], out[ND_FRAME];

	(void)state;
	assert_int_equal(nd_read(solicitation, sizeof(solicitation), &m), 0);
	assert_int_equal(nd_write(&m, out), sizeof(solicitation));
	assert_memory_equal(out, solicitation, sizeof(solicitation));
	memcpy(frame, solicitation, sizeof(frame));
	for (unsigned i = 0; i < sizeof(frame); i++)
		assert_true(nd_read(frame, i, &m) < 0);
	for (unsigned i = 12; i < sizeof(frame); i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			bool ignored = (i == 14 && bit < 4) || (i > 14 && i < 18);

			frame[i] ^= (uint8_t)(1 << bit);
			if (!ignored)
				assert_true(nd_read(frame, sizeof(frame), &m) < 0);
			frame[i] ^= (uint8_t)(1 << bit);
		}
	m.src = (struct ip_addr){.family = 6}; // from nobody, and yet with an address
	nd_write(&m, out);
	assert_int_equal(nd_read(out, sizeof(solicitation), &m), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_said, setup_calm, teardown),
		cmocka_unit_test_setup_teardown(mtu_in_force, setup_calm, teardown),
		cmocka_unit_test_setup_teardown(the_first_come_soon, setup, teardown),
		cmocka_unit_test_setup_teardown(hosts_are_answered, setup_calm, teardown),
		cmocka_unit_test_setup_teardown(goodbye, setup_calm, teardown),
		cmocka_unit_test_setup_teardown(links_come_back, setup_calm, teardown),
		cmocka_unit_test_setup_teardown(who_asks_is_known, setup_calm, teardown),
		cmocka_unit_test(wrong_solicitations_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
