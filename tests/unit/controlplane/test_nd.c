// Neighbour discovery as the control core does it: what is believed (RFC 4861, 7.1), what is
// answered, how neighbours age, and that no address is used which somebody else has (RFC
// 4862, 5.4).
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
#include "nd.h"
#include "nd_message.h"
#include "neighbour.h"

#define S TICKS_PER_SECOND

static const uint8_t host_mac[6] = {0x02, 1, 2, 3, 4, 5}, other_mac[6] = {0x02, 9, 9, 9, 9, 9};
static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 0}; // fake_dp.c's
static struct control c;
static char last_log[512];

static void sink(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	strncpy(last_log, line, sizeof(last_log) - 1);
}

static int setup(void **state)
{
	static const char text[] = "platform\n port FastEthernet0 net_null0\n"
				   "interface FastEthernet0\n ipv6 address 2001:db8::1/64\n"
				   " ipv6 address fe80::1 link-local\n";
	int err;

	(void)state;
	last_log[0] = '\0';
	err = fake_link_create(&c, text, sink);
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

// An interface whose addresses have been found free.
static int setup_up(void **state)
{
	int err = setup(state);

	apply_interface_addresses(&c, 0);
	pass(2 * S);
	c.dp->frames = 0;
	return err;
}

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct nd_message message(enum nd_type type, const char *src, const char *dst,
                                 const char *target)
{
	struct nd_message m = {.type = type,
	                       .src = ip(src),
	                       .dst = ip(dst),
	                       .target = ip(target),
	                       .has_mac = true};

	memcpy(m.from, host_mac, 6);
	memcpy(m.mac, host_mac, 6);
	return m;
}

static void deliver(const struct nd_message *m)
{
	uint8_t frame[ND_FRAME];
	struct dp_view v = {.data = frame, .len = (uint16_t)nd_write(m, frame)};

	neighbour_frame(&c, &v);
}

// What was sent last, which must be right itself.
static struct nd_message sent(void)
{
	struct nd_message m;

	assert_int_equal(nd_read(c.dp->frame, c.dp->frame_len, &m), 0);
	assert_memory_equal(m.from, our_mac, 6);
	return m;
}

static bool known(const char *text, const uint8_t mac[6])
{
	struct ip_addr a = ip(text);

	for (unsigned i = 0; i < FAKE_NEIGH; i++)
		if (c.dp->neighbours[i].used && addr_equal(&c.dp->neighbours[i].addr, &a))
			return memcmp(c.dp->neighbours[i].mac, mac, 6) == 0;
	return false;
}

static uint8_t state_of(const char *text)
{
	struct ip_addr a = ip(text);
	struct neighbour_view v;
	uint32_t cursor = 0;

	while (neighbour_next(&c, &cursor, &v))
		if (addr_equal(&v.addr, &a))
			return v.state;
	return UINT8_MAX;
}

static void want(const char *text)
{
	struct ip_addr a = ip(text);

	neighbour_want(&c, 0, &a, false);
}

// The message as other implementations write it, from RFC 4861's formats.
static void bytes_on_the_wire(void **state)
{
	static const uint8_t expected[ND_FRAME] = {
		0x33, 0x33, 0xff, 0,  0,  2,   0x02, 1,    2,    3,    4, 5, 0x86, 0xdd, 0x60, 0,
		0,    0,    0,    32, 58, 255, 0xfe, 0x80, 0,    0,    0, 0, 0,    0,    0,    0,
		0,    0,    0,    0,  0,  9,   0xff, 2,    0,    0,    0, 0, 0,    0,    0,    0,
		0,    1,    0xff, 0,  0,  2,   135,  0,    0x45, 0x4f, 0, 0, 0,    0,    0x20, 0x01,
		0x0d, 0xb8, 0,    0,  0,  0,   0,    0,    0,    0,    0, 0, 0,    2,    1,    1,
		0x02, 1,    2,    3,  4,  5};
	struct nd_message m = message(ND_SOLICITATION, "fe80::9", "ff02::1:ff00:2", "2001:db8::2");
	uint8_t frame[ND_FRAME];

	(void)state;
	nd_multicast_mac(&m.dst, m.to);
	nd_write(&m, frame);
	assert_memory_equal(frame, expected, sizeof(expected));
	assert_int_equal(nd_read(frame, sizeof(frame), &m), 0);
	assert_memory_equal(m.mac, host_mac, 6);
}

static void wrong_messages_are_ignored(void **state)
{
	struct nd_message m = message(ND_SOLICITATION, "fe80::9", "2001:db8::1", "2001:db8::1"),
			  out;
	uint8_t frame[ND_FRAME + 8];

	(void)state;
	nd_write(&m, frame);
	assert_int_equal(nd_read(frame, ND_FRAME, &out), 0);
	for (unsigned i = 0; i < ND_FRAME; i++)
		assert_true(nd_read(frame, i, &out) < 0);
	for (unsigned i = 12; i < ND_FRAME; i++) // no bit may change but those that do not count
		for (unsigned bit = 0; bit < 8; bit++) {
			bool ignored = (i == 14 && bit < 4) || (i > 14 && i < 18) || i == 17;

			frame[i] ^= (uint8_t)(1 << bit);
			if (!ignored)
				assert_true(nd_read(frame, ND_FRAME, &out) < 0);
			frame[i] ^= (uint8_t)(1 << bit);
		}
	m = message(ND_SOLICITATION, "::", "2001:db8::1", "2001:db8::1");
	nd_write(&m, frame);
	assert_int_equal(nd_read(frame, ND_FRAME, &out),
	                 -EBADMSG); // an option, and not to the group
	m = message(ND_ADVERTISEMENT, "fe80::9", "ff02::1", "fe80::9");
	m.solicited = true;
	nd_write(&m, frame);
	assert_int_equal(nd_read(frame, ND_FRAME, &out), -EBADMSG);
	m = message(ND_ADVERTISEMENT, "fe80::9", "fe80::1", "ff02::9");
	nd_write(&m, frame);
	assert_int_equal(nd_read(frame, ND_FRAME, &out), -EBADMSG);
	m = message(ND_ADVERTISEMENT, "fe80::9", "fe80::1", "fe80::9");
	m.mac[0] = 1;
	nd_write(&m, frame);
	assert_int_equal(nd_read(frame, ND_FRAME, &out), -EBADMSG);
}

static void addresses_are_used_when_nobody_objects(void **state)
{
	struct nd_message m;

	(void)state;
	apply_interface_addresses(&c, 0);
	assert_int_equal(c.dp->ifaces[0].n_addresses6, 0);
	assert_int_equal(c.dp->frames, 0); // before the interface is up they would be lost
	pass(2);
	assert_int_equal(c.dp->frames, 4);
	m = sent();
	assert_int_equal(m.type, ND_SOLICITATION);
	assert_true(addr_is_zero(&m.src));
	assert_false(m.has_mac);
	assert_int_equal(c.dp->frame[0], 0x33);
	apply_interface_addresses(&c, 0); // applied again meanwhile: no second question
	assert_int_equal(c.dp->frames, 4);
	m = message(ND_SOLICITATION, "2001:db8::9", "ff02::1:ff00:1", "2001:db8::1");
	deliver(&m); // not ours yet
	assert_int_equal(c.dp->frames, 4);
	pass(S + 1);
	assert_int_equal(c.dp->ifaces[0].n_addresses6, 2);
	assert_true(addr_is_link_local(&c.dp->ifaces[0].addresses6[0].address));
	assert_int_equal(c.dp->ifaces[0].addresses6[1].network.len, 64);
	m = sent(); // and everybody is told
	assert_int_equal(m.type, ND_ADVERTISEMENT);
	assert_false(m.solicited);
	assert_true(m.override && !m.router); // a host, without `ipv6 unicast-routing`
}

// Another length of its network is another network, and the same address: it goes on being used.
static void length_alone_changes(void **state)
{
	static const char *const lines[] = {"interface FastEthernet0",
	                                    "ipv6 address 2001:db8::1/60", NULL};

	(void)state;
	assert_int_equal(c.dp->ifaces[0].n_addresses6, 2);
	fake_change(&c, lines);
	assert_int_equal(c.dp->ifaces[0].n_addresses6, 2);
	assert_int_equal(c.dp->ifaces[0].addresses6[1].network.len, 60);
}

// Behind a link that comes up there may be others: everything is asked again, and one that somebody
// had is tried again. While the link is away nobody can be asked.
static void links_begin_anew(void **state)
{
	struct nd_message m = message(ND_ADVERTISEMENT, "2001:db8::1", "ff02::1", "2001:db8::1");

	(void)state;
	apply_link(&c, 0, false);
	assert_int_equal(c.dp->ifaces[0].n_addresses6, 0);
	c.dp->frames = 0;
	pass(5 * S);
	assert_int_equal(c.dp->frames, 0);
	apply_link(&c, 0, true);
	assert_int_equal(c.dp->ifaces[0].n_addresses6, 0);
	pass(2);
	deliver(&m);
	pass(2 * S);
	assert_int_equal(c.dp->ifaces[0].n_addresses6, 1); // the link-local one
	apply_link(&c, 0, false);
	apply_link(&c, 0, true);
	pass(2 * S);
	assert_int_equal(c.dp->ifaces[0].n_addresses6, 2);
}

static void duplicates_are_not_used(void **state)
{
	struct nd_message m = message(ND_ADVERTISEMENT, "2001:db8::1", "ff02::1", "2001:db8::1");

	(void)state;
	apply_interface_addresses(&c, 0);
	deliver(&m);
	assert_non_null(strstr(last_log, "%IPV6_ND-4-DUPLICATE: Duplicate address 2001:db8::1"));
	assert_non_null(strstr(last_log, "not used"));
	m = message(ND_SOLICITATION, "::", "ff02::1:ff00:1", "fe80::1");
	m.has_mac = false;
	deliver(&m); // another one that is about to take it
	pass(3 * S);
	assert_int_equal(c.dp->ifaces[0].n_addresses6, 0);
	want("2001:db8::1"); // it is a neighbour like any other
	m = message(ND_ADVERTISEMENT, "2001:db8::1", "fe80::1", "2001:db8::1");
	deliver(&m);
	assert_true(known("2001:db8::1", host_mac));
	pass(300 * S);
	c.dp->frames = 0;
	m = message(ND_SOLICITATION, "fe80::9", "2001:db8::1", "2001:db8::1");
	deliver(&m);
	assert_int_equal(c.dp->frames, 0);
}

static void our_own_frames_are_no_conflict(void **state)
{
	struct nd_message m = message(ND_SOLICITATION, "::", "ff02::1:ff00:1", "fe80::1");

	(void)state;
	apply_interface_addresses(&c, 0);
	m.has_mac = false;
	memcpy(m.from, our_mac, 6);
	deliver(&m);
	pass(2 * S);
	assert_int_equal(c.dp->ifaces[0].n_addresses6, 2);
}

static void solicitations_are_answered(void **state)
{
	struct nd_message m = message(ND_SOLICITATION, "2001:db8::9", "ff02::1:ff00:1",
	                              "2001:db8::1"),
			  answer;

	(void)state;
	deliver(&m);
	assert_int_equal(c.dp->frames, 1);
	answer = sent();
	assert_int_equal(answer.type, ND_ADVERTISEMENT);
	assert_true(answer.solicited && answer.override && !answer.router);
	assert_true(addr_equal(&answer.dst, &m.src));
	assert_memory_equal(answer.mac, our_mac, 6);
	assert_memory_equal(answer.to, host_mac, 6);
	assert_true(known("2001:db8::9", host_mac));
	assert_int_equal(state_of("2001:db8::9"), NEIGHBOUR_STALE);
	m.target = ip("2001:db8::77"); // somebody else's
	deliver(&m);
	m = message(ND_SOLICITATION, "2001:db8:9::9", "2001:db8::1",
	            "2001:db8::1"); // of a prefix that the link may have: answered, not learned
	deliver(&m);
	assert_int_equal(c.dp->frames, 2);
	answer = sent();
	assert_int_equal(answer.type, ND_ADVERTISEMENT);
	assert_true(addr_equal(&answer.dst, &m.src));
	assert_false(known("2001:db8:9::9", host_mac));
	m.src = ip("2001:db8::1"); // ours
	deliver(&m);
	assert_int_equal(c.dp->frames, 2);
	m = message(ND_SOLICITATION, "::", "ff02::1:ff00:1", "2001:db8::1"); // it tries our address
	m.has_mac = false;
	deliver(&m);
	answer = sent();
	assert_false(answer.solicited);
	assert_int_equal(answer.dst.bytes[0], 0xff);
	// The one that was heard is verified.
	pass(6 * S);
	answer = sent();
	assert_int_equal(answer.type, ND_SOLICITATION);
	assert_true(addr_equal(&answer.dst, &answer.target));
	assert_memory_equal(answer.to, host_mac, 6);
}

static void neighbours_are_asked_for(void **state)
{
	struct nd_message m;

	(void)state;
	want("2001:db8::20");
	m = sent();
	assert_int_equal(m.type, ND_SOLICITATION);
	assert_true(addr_equal(&m.src, &c.dp->ifaces[0].addresses6[1].address));
	assert_int_equal(c.dp->frame[0], 0x33);
	pass(S);
	assert_int_equal(c.dp->frames, 2);
	m = message(ND_ADVERTISEMENT, "2001:db8::20", "2001:db8::1", "2001:db8::21");
	m.solicited = true;
	deliver(&m); // of one that nobody asked for
	assert_false(known("2001:db8::21", host_mac));
	m.target = ip("2001:db8::20");
	m.has_mac = false;
	deliver(&m); // without the address that was asked for
	assert_int_equal(state_of("2001:db8::20"), NEIGHBOUR_INCOMPLETE);
	m.has_mac = true;
	deliver(&m);
	assert_true(known("2001:db8::20", host_mac));
	assert_int_equal(state_of("2001:db8::20"), NEIGHBOUR_REACHABLE);
	pass(61 * S);
	assert_int_equal(state_of("2001:db8::20"), NEIGHBOUR_PROBE);
	m.has_mac = false; // an answer to a question at its own address may leave it out
	deliver(&m);
	assert_int_equal(state_of("2001:db8::20"), NEIGHBOUR_REACHABLE);
	want("fe80::30");
	m = sent();
	assert_true(addr_is_link_local(&m.src));
	pass(15 * S);
	assert_int_equal(state_of("fe80::30"), UINT8_MAX); // nobody there: given up
}

// RFC 4861, 7.2.5: without the override flag another address only makes us ask.
static void override_flag(void **state)
{
	struct nd_message m =
		message(ND_ADVERTISEMENT, "2001:db8::20", "2001:db8::1", "2001:db8::20");

	(void)state;
	want("2001:db8::20");
	m.solicited = true;
	deliver(&m);
	memcpy(m.mac, other_mac, 6);
	deliver(&m);
	assert_true(known("2001:db8::20", host_mac));
	assert_int_equal(state_of("2001:db8::20"), NEIGHBOUR_STALE);
	m.override = true;
	deliver(&m);
	assert_true(known("2001:db8::20", other_mac));
	assert_int_equal(state_of("2001:db8::20"), NEIGHBOUR_STALE);
}

static void a_silent_neighbour_is_kept_for_a_while(void **state)
{
	struct nd_message m =
		message(ND_ADVERTISEMENT, "2001:db8::20", "2001:db8::1", "2001:db8::20");

	(void)state;
	want("2001:db8::20");
	m.solicited = true;
	deliver(&m);
	pass(150 * S);
	assert_true(known("2001:db8::20", host_mac));
	pass(60 * S);
	assert_false(known("2001:db8::20", host_mac));
	assert_int_equal(c.wheel.armed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_on_the_wire),
		cmocka_unit_test(wrong_messages_are_ignored),
		cmocka_unit_test_setup_teardown(addresses_are_used_when_nobody_objects, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(length_alone_changes, setup_up, teardown),
		cmocka_unit_test_setup_teardown(links_begin_anew, setup_up, teardown),
		cmocka_unit_test_setup_teardown(duplicates_are_not_used, setup, teardown),
		cmocka_unit_test_setup_teardown(our_own_frames_are_no_conflict, setup, teardown),
		cmocka_unit_test_setup_teardown(solicitations_are_answered, setup_up, teardown),
		cmocka_unit_test_setup_teardown(neighbours_are_asked_for, setup_up, teardown),
		cmocka_unit_test_setup_teardown(override_flag, setup_up, teardown),
		cmocka_unit_test_setup_teardown(a_silent_neighbour_is_kept_for_a_while, setup_up,
	                                        teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
