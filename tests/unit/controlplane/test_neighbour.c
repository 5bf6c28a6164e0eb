// ARP as the control core does it: what is answered, what is learned, what is not believed, and how
// long a silent neighbour is kept.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "apply.h"
#include "bounds.h"
#include "bytes.h"
#include "control.h"
#include "fake_control.h"
#include "fake_dp.h"
#include "nd_message.h"
#include "neighbour.h"

#define S      TICKS_PER_SECOND
#define PLACES (NEIGHBOURS_MIN + NEIGHBOURS_OTHERS) // in the table

static const uint8_t host_mac[6] = {0x02, 1, 2, 3, 4, 5};
static struct control c;
static unsigned told_full; // lines of the log

static void sink(void *arg, enum log_level level, const char *line)
{
	(void)arg;
	(void)level;
	told_full += strstr(line, "IP-4-NEIGHBORS") != NULL;
}

static int setup(void **state)
{
	static const char text[] = "platform\n port FastEthernet0 net_null0\n"
				   "interface FastEthernet0\n ip address 192.0.2.1 255.255.255.0\n";
	int err;

	(void)state;
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

// An ARP packet from the segment.
static void arp(uint16_t operation, const char *sender, const char *target)
{
	uint8_t frame[60] = {0};
	struct writer w = writer_make(frame, sizeof(frame));
	struct ip_addr from, to;
	struct dp_view v = {.data = frame, .len = sizeof(frame)};

	addr_parse(sender, &from);
	addr_parse(target, &to);
	writer_zero(&w, 6);
	writer_put(&w, host_mac, 6);
	writer_u16(&w, 0x0806);
	writer_u16(&w, 1);
	writer_u16(&w, 0x0800);
	writer_u16(&w, 0x0604);
	writer_u16(&w, operation);
	writer_put(&w, host_mac, 6);
	writer_put(&w, from.bytes, 4);
	writer_zero(&w, 6);
	writer_put(&w, to.bytes, 4);
	neighbour_frame(&c, &v);
}

static bool known(const char *text)
{
	struct ip_addr a;

	addr_parse(text, &a);
	for (unsigned i = 0; i < FAKE_NEIGH; i++)
		if (c.dp->neighbours[i].used && addr_equal(&c.dp->neighbours[i].addr, &a))
			return memcmp(c.dp->neighbours[i].mac, host_mac, 6) == 0;
	return false;
}

static void want(const char *text, bool keep)
{
	struct ip_addr a;

	addr_parse(text, &a);
	neighbour_want(&c, 0, &a, keep);
}

static void requests_for_us_are_answered(void **state)
{
	(void)state;
	arp(1, "192.0.2.9", "192.0.2.1");
	assert_int_equal(c.dp->frame[21], 2); // a reply
	assert_memory_equal(c.dp->frame, host_mac, 6);
	assert_true(known("192.0.2.9"));
	c.dp->frames = 0;
	arp(1, "192.0.2.9", "192.0.2.77"); // somebody else's
	assert_int_equal(c.dp->frames, 0);
}

static void strangers_are_not_believed(void **state)
{
	(void)state;
	arp(2, "192.0.2.8", "192.0.2.1"); // nobody asked
	assert_false(known("192.0.2.8"));
	arp(1, "198.51.100.1", "192.0.2.1"); // not on this network: answered, no more
	assert_false(known("198.51.100.1"));
	assert_int_equal(c.dp->frames, 1);
	arp(1, "198.51.100.1", "192.0.2.77");
	arp(2, "198.51.100.1", "192.0.2.1");
	assert_false(known("198.51.100.1"));
	assert_int_equal(c.dp->frames, 1);
	arp(1, "192.0.2.1", "192.0.2.1"); // our own address
	assert_false(known("192.0.2.1"));
}

// A route may lead to a next hop, or to any address, on an interface whose network is another.
static void next_hop_of_another_network(void **state)
{
	(void)state;
	want("198.51.100.7", false);
	assert_int_equal(c.dp->frames, 1);
	arp(1, "198.51.100.7", "192.0.2.77"); // no answer to us
	arp(2, "198.51.100.7", "192.0.2.77");
	arp(2, "198.51.100.8", "192.0.2.1"); // nobody asked
	assert_false(known("198.51.100.7") || known("198.51.100.8"));
	arp(2, "198.51.100.7", "192.0.2.1");
	assert_true(known("198.51.100.7"));
	pass(61 * TICKS_PER_SECOND); // refreshed
	arp(2, "198.51.100.7", "192.0.2.1");
	pass(100 * TICKS_PER_SECOND);
	arp(2, "198.51.100.7", "192.0.2.1");
	assert_true(known("198.51.100.7"));
}

// RFC 5227: who asks whether the address is free hears that it is not; who has it is told, and
// told again, but not more often than each ten seconds.
static void our_address_is_defended(void **state)
{
	(void)state;
	arp(1, "0.0.0.0", "192.0.2.1");
	assert_int_equal(c.dp->frames, 1);
	assert_int_equal(c.dp->frame[21], 2);
	assert_memory_equal(c.dp->frame, host_mac, 6);
	assert_false(known("0.0.0.0"));
	arp(1, "0.0.0.0", "192.0.2.77");
	assert_int_equal(c.dp->frames, 1);
	for (unsigned i = 0; i < 5; i++)
		arp(2, "192.0.2.1", "192.0.2.1");
	assert_int_equal(c.dp->frames, 2);
	assert_int_equal(c.dp->frame[21], 1);
	assert_int_equal(c.dp->frame[0], 0xff);
	assert_memory_equal(c.dp->frame + 28, c.dp->frame + 38, 4); // an announcement
	pass(10 * TICKS_PER_SECOND);
	arp(1, "192.0.2.1", "192.0.2.9");
	assert_int_equal(c.dp->frames, 3);
	assert_false(known("192.0.2.1"));
}

static void a_link_that_comes_up(void **state)
{
	(void)state;
	want("192.0.2.60", true);
	arp(2, "192.0.2.60", "192.0.2.1");
	pass(2 * TICKS_PER_SECOND);
	c.dp->frames = 0;
	apply_link(&c, 0, false);
	apply_link(&c, 0, true);
	pass(TICKS_PER_SECOND);
	assert_true(c.dp->frames >= 2); // our announcement, and a question by broadcast
	assert_int_equal(c.dp->frame[21], 1);
	assert_int_equal(c.dp->frame[0], 0xff);
	assert_int_equal(c.dp->frame[41], 60);
	assert_true(known("192.0.2.60")); // used until then
}

static void short_and_wrong_frames_are_ignored(void **state)
{
	uint8_t frame[60];
	struct dp_view v = {.data = frame};

	(void)state;
	memset(frame, 0xff, sizeof(frame));
	for (v.len = 0; v.len <= sizeof(frame); v.len++)
		neighbour_frame(&c, &v);
	assert_int_equal(c.dp->frames, 0);
}

static void wanted_is_asked_for(void **state)
{
	(void)state;
	want("192.0.2.20", false);
	assert_int_equal(c.dp->frames, 1);
	assert_int_equal(c.dp->frame[21], 1);
	pass(S);
	assert_int_equal(c.dp->frames, 2);
	arp(2, "192.0.2.20", "192.0.2.1");
	assert_true(known("192.0.2.20"));
	pass(59 * S);
	assert_int_equal(c.dp->frames, 2);
	pass(2 * S); // fresh for a minute, then asked again, at its own address first
	assert_true(c.dp->frames > 2);
	assert_memory_equal(c.dp->frame, host_mac, 6);
}

static void nobody_there_is_given_up(void **state)
{
	(void)state;
	want("192.0.2.30", false);
	pass(60 * S);
	assert_int_equal(c.dp->frames, 3);
	assert_int_equal(c.wheel.armed, 0);
	want("192.0.2.31", true); // a gateway is asked for as long as a route names it
	pass(60 * S);
	assert_true(c.dp->frames >= 8);
	arp(2, "192.0.2.31", "192.0.2.1");
	assert_true(known("192.0.2.31"));
}

// A peer that vanishes must get its probes on the wire for longer than DPD takes.
static void silent_neighbour_is_kept_for_a_while(void **state)
{
	(void)state;
	want("192.0.2.40", false);
	arp(2, "192.0.2.40", "192.0.2.1");
	pass(150 * S);
	assert_true(known("192.0.2.40"));
	pass(60 * S);
	assert_false(known("192.0.2.40"));
	assert_int_equal(c.wheel.armed, 0);
}

// `clear arp`: all are asked again, by broadcast and soon; who is silent goes.
static void refreshed(void **state)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	(void)state;
	want("192.0.2.50", false);
	arp(2, "192.0.2.50", "192.0.2.1");
	want("192.0.2.51", false);
	arp(2, "192.0.2.51", "192.0.2.1");
	pass(5 * S);
	c.dp->frames = 0;
	neighbour_refresh(&c);
	assert_int_equal(c.dp->frames, 0); // a little apart
	pass(S);
	assert_int_equal(c.dp->frames, 2);
	assert_memory_equal(c.dp->frame, broadcast, 6);
	assert_true(known("192.0.2.50") && known("192.0.2.51"));
	arp(2, "192.0.2.50", "192.0.2.1");
	pass(40 * S);
	assert_int_equal(c.dp->frames, 4);
	assert_true(known("192.0.2.50"));
	assert_false(known("192.0.2.51"));
}

// Those who only say that they are there fill the table, and keep nobody out who is wanted.
static void claims_keep_nobody_out(void **state)
{
	struct neighbour_view view;
	struct ip_addr a;
	uint32_t cursor = 0;
	unsigned n = 0;
	bool there = false;

	(void)state;
	want("192.0.2.9", true);
	want("192.0.2.10", false);
	arp(2, "192.0.2.10", "192.0.2.1");
	addr_parse("198.18.0.0", &a);
	for (unsigned i = 0; i < PLACES + 100; i++) {
		a.bytes[2] = (uint8_t)(i >> 8);
		a.bytes[3] = (uint8_t)i;
		neighbour_solicited(&c, 0, &a, host_mac);
	}
	want("192.0.2.11", false);
	arp(2, "192.0.2.11", "192.0.2.1");
	addr_parse("192.0.2.11", &a);
	while (neighbour_next(&c, &cursor, &view)) {
		there = there || (addr_equal(&view.addr, &a) && view.complete);
		n++;
	}
	assert_int_equal(n, PLACES);
	assert_true(there);
	assert_true(known("192.0.2.10"));
}

// One that answers.
static void is_there(const struct ip_addr *a)
{
	struct nd_message m = {.target = *a, .solicited = true, .has_mac = true};

	memcpy(m.mac, host_mac, sizeof(m.mac));
	assert_true(neighbour_want(&c, 0, a, false));
	neighbour_advertised(&c, 0, &m);
}

static bool has(const struct ip_addr *a)
{
	struct neighbour_view view;
	uint32_t cursor = 0;

	while (neighbour_next(&c, &cursor, &view))
		if (addr_equal(&view.addr, a))
			return true;
	return false;
}

// More hosts than there are places: who was wanted longest ago makes room, if that was a while ago,
// and before that who does not answer. Gateways of routes stay.
static void the_live_make_room(void **state)
{
	struct ip_addr first, a, more;

	(void)state;
	want("192.0.2.9", true);
	addr_parse("198.18.0.0", &first);
	a = first;
	for (unsigned i = 0; i < PLACES - 1; i++) {
		a.bytes[2] = (uint8_t)(i >> 8);
		a.bytes[3] = (uint8_t)i;
		is_there(&a);
	}
	addr_parse("203.0.113.1", &more);
	assert_false(neighbour_want(&c, 0, &more, false));
	pass(60 * S);
	assert_true(neighbour_want(&c, 0, &more, false));
	assert_false(has(&first));
	first.bytes[3]++;
	pass(S);
	more.bytes[3]++;
	assert_true(neighbour_want(&c, 0, &more, false));
	assert_true(has(&first));
	more.bytes[3]--;
	assert_false(has(&more));
	addr_parse("192.0.2.9", &a);
	assert_true(has(&a));
}

// ---- many peers on one link --------------------------------------------------------------------

#define PEERS 8000u

// Peer i is 192.0.(32 + i / 256).(i % 256).
static struct {
	bool known; // by the workers
	bool asked; // answers in the next tick
	tick_t waits_since;
	bool waits; // a worker holds a probe
} peers[PEERS];
static unsigned lost; // probes that went nowhere

static unsigned number_of(const uint8_t addr[4])
{
	return ((addr[2] - 32u) << 8) + addr[3];
}

static void watch_neighbours(const struct ip_addr *addr, bool is_known)
{
	unsigned i = number_of(addr->bytes);

	assert_true(i < PEERS);
	peers[i].known = is_known;
	peers[i].waits = peers[i].waits && !is_known;
}

// Each peer answers what it is asked.
static void watch_frames(const uint8_t *frame)
{
	unsigned i = number_of(frame + 38);

	assert_int_equal(frame[21], 1);
	assert_true(i < PEERS);
	peers[i].asked = true;
}

static int setup_many(void **state)
{
	static const char text[] = "platform\n port FastEthernet0 net_null0\n"
				   "interface FastEthernet0\n ip address 192.0.2.1 255.255.0.0\n";
	int err;

	(void)state;
	err = fake_link_create(&c, text, sink);
	neighbour_destroy(&c);
	c.neighbours = neighbour_create(PEERS);
	memset(peers, 0, sizeof(peers));
	lost = 0;
	c.dp->watch_neighbours = watch_neighbours;
	c.dp->watch_frames = watch_frames;
	return err || !c.neighbours;
}

static struct ip_addr address_of(unsigned i)
{
	return addr_v4(0xc0002000u + i);
}

static void answer_all(void)
{
	char text[ADDR_TEXT];
	struct ip_addr a;

	for (unsigned i = 0; i < PEERS; i++) {
		if (!peers[i].asked)
			continue;
		peers[i].asked = false;
		a = address_of(i);
		arp(2, addr_format(&a, text), "192.0.2.1");
	}
}

// A worker sends a probe to the peer, or holds it while it asks for the neighbour, which it does
// for three seconds.
static void probe(unsigned i)
{
	struct ip_addr a = address_of(i);

	if (peers[i].waits && c.now - peers[i].waits_since > 3 * S)
		lost++;
	peers[i].waits = !peers[i].known;
	if (!peers[i].waits)
		return;
	peers[i].waits_since = c.now;
	neighbour_want(&c, 0, &a, false);
}

static void live_with_all(unsigned seconds)
{
	for (tick_t t = 0; t < seconds * S; t++) {
		for (unsigned i = t % (10 * S); i < PEERS; i += 10 * S)
			probe(i);
		pass(1);
		answer_all();
	}
}

// As many neighbours as peers: each is asked every ten seconds, and hears it.
static void as_many_as_peers(void **state)
{
	struct neighbour_view view;
	uint32_t cursor = 0;
	unsigned n = 0;

	(void)state;
	live_with_all(300);
	assert_int_equal(lost, 0);
	for (unsigned i = 0; i < PEERS; i++)
		assert_true(peers[i].known);
	while (neighbour_next(&c, &cursor, &view))
		n += view.complete;
	assert_int_equal(n, PEERS);
	// All again, none of them in a crowd.
	neighbour_refresh(&c);
	for (unsigned t = 0, before = c.dp->frames; t < S; t++, before = c.dp->frames) {
		pass(1);
		assert_true(c.dp->frames - before <= 2 * PEERS / S);
	}
	for (unsigned i = 0; i < PEERS; i++)
		assert_true(peers[i].asked);
	answer_all();
	live_with_all(60);
	assert_int_equal(lost, 0);
}

// The largest table. Whoever comes when it is full is turned away or takes another one's place
// without a walk over all, which would take minutes here.
static void a_full_table_is_quick(void **state)
{
	struct neighbour_view view;
	uint32_t cursor = 0;
	unsigned n = 0;

	(void)state;
	told_full = 0;
	neighbour_destroy(&c);
	c.neighbours = neighbour_create(1048576);
	c.dp->watch_neighbours = NULL;
	c.dp->watch_frames = NULL;
	for (unsigned i = 0; i < 3 * DP_NEIGHBOURS_MAX; i++) {
		struct ip_addr a = addr_v4(0x0a000000u + i);

		assert_int_equal(neighbour_want(&c, 0, &a, false), i < DP_NEIGHBOURS_MAX);
	}
	assert_int_equal(told_full, 1);
	pass(1 * S);
	for (unsigned i = 0; i < DP_NEIGHBOURS_MAX; i++) {
		struct ip_addr a = addr_v4(0x0b000000u + i);

		assert_true(neighbour_want(&c, 0, &a, false));
	}
	while (neighbour_next(&c, &cursor, &view))
		n += view.addr.bytes[0] == 11;
	assert_int_equal(n, DP_NEIGHBOURS_MAX);
}

static unsigned forgotten;

static void count_forgotten(const struct ip_addr *addr, bool known)
{
	(void)addr;
	forgotten += !known;
}

static unsigned shown(uint16_t iface)
{
	struct neighbour_view view;
	uint32_t cursor = 0;
	unsigned n = 0;

	while (neighbour_next(&c, &cursor, &view))
		n += view.iface == iface;
	return n;
}

// The largest table, most of which is behind a subinterface: when that goes no turn forgets many,
// within a second all have gone, and nobody else has.
static void a_subinterface_goes(void **state)
{
	unsigned most = 0, before;

	(void)state;
	neighbour_destroy(&c);
	c.neighbours = neighbour_create(1048576);
	c.dp->watch_neighbours = count_forgotten;
	for (unsigned i = 0; i < DP_NEIGHBOURS_MAX; i++) {
		struct ip_addr a = addr_v4(0x0a000000u + i);

		assert_true(neighbour_want(&c, i % 8 ? 9 : 0, &a, i % 3 == 0));
	}
	forgotten = 0;
	neighbour_forget(&c, 9);
	assert_int_equal(forgotten, 0);
	assert_int_equal(shown(9), 0);
	assert_int_equal(shown(0), DP_NEIGHBOURS_MAX / 8);
	for (unsigned i = 0; i < S; i++) {
		before = forgotten;
		pass(1);
		most = forgotten - before > most ? forgotten - before : most;
	}
	assert_int_equal(forgotten, DP_NEIGHBOURS_MAX / 8 * 7);
	assert_in_range(most, 1, DP_NEIGHBOURS_MAX / 64);
	assert_int_equal(shown(0), DP_NEIGHBOURS_MAX / 8);
	c.dp->watch_neighbours = NULL;
}

// Its number is another one's before the second is over: none of its neighbours is left, and those
// of the new one stay.
static void its_number_is_used_again(void **state)
{
	struct ip_addr a = addr_v4(0x0a000001u), b = addr_v4(0x0a000002u);

	(void)state;
	assert_true(neighbour_want(&c, 9, &a, true));
	neighbour_forget(&c, 9);
	pass(2);
	neighbour_iface_new(&c, 9);
	assert_true(neighbour_want(&c, 9, &b, true));
	assert_int_equal(shown(9), 1);
	pass(2 * S);
	assert_int_equal(shown(9), 1);
}

static void doubt(const char *text)
{
	struct ip_addr a;

	addr_parse(text, &a);
	neighbour_doubt(&c, 0, &a);
}

// Nothing comes back by a next hop: it is asked at once, itself first and then by broadcast, since
// another may have the address now, and is used meanwhile; who was just heard is not asked.
static void doubted(void **state)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	(void)state;
	want("192.0.2.60", false);
	doubt("192.0.2.60"); // it is being asked
	arp(2, "192.0.2.60", "192.0.2.1");
	pass(S);
	c.dp->frames = 0;
	doubt("192.0.2.60");
	doubt("192.0.2.61"); // nobody knows it
	pass(2);
	assert_int_equal(c.dp->frames, 0);
	pass(2 * S);
	doubt("192.0.2.60");
	pass(2);
	assert_int_equal(c.dp->frames, 1);
	assert_memory_equal(c.dp->frame, host_mac, 6);
	doubt("192.0.2.60");
	pass(2 * S);
	assert_int_equal(c.dp->frames, 3);
	assert_memory_equal(c.dp->frame, broadcast, 6);
	assert_true(known("192.0.2.60"));
	pass(30 * S);
	assert_true(known("192.0.2.60"));
}

// Many die at once: some are asked, in a tick.
static void many_doubted(void **state)
{
	char text[16];

	(void)state;
	for (unsigned i = 1; i <= FAKE_NEIGH && i <= 30; i++) {
		snprintf(text, sizeof(text), "192.0.2.%u", 100 + i);
		want(text, false);
		arp(2, text, "192.0.2.1");
	}
	pass(3 * S);
	c.dp->frames = 0;
	for (unsigned i = 1; i <= FAKE_NEIGH && i <= 30; i++) {
		snprintf(text, sizeof(text), "192.0.2.%u", 100 + i);
		doubt(text);
	}
	pass(1);
	assert_in_range(c.dp->frames, 1, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(requests_for_us_are_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(strangers_are_not_believed, setup, teardown),
		cmocka_unit_test_setup_teardown(next_hop_of_another_network, setup, teardown),
		cmocka_unit_test_setup_teardown(short_and_wrong_frames_are_ignored, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(our_address_is_defended, setup, teardown),
		cmocka_unit_test_setup_teardown(a_link_that_comes_up, setup, teardown),
		cmocka_unit_test_setup_teardown(wanted_is_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_keep_nobody_out, setup, teardown),
		cmocka_unit_test_setup_teardown(the_live_make_room, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_there_is_given_up, setup, teardown),
		cmocka_unit_test_setup_teardown(silent_neighbour_is_kept_for_a_while, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(refreshed, setup, teardown),
		cmocka_unit_test_setup_teardown(doubted, setup, teardown),
		cmocka_unit_test_setup_teardown(many_doubted, setup, teardown),
		cmocka_unit_test_setup_teardown(as_many_as_peers, setup_many, teardown),
		cmocka_unit_test_setup_teardown(a_full_table_is_quick, setup_many, teardown),
		cmocka_unit_test_setup_teardown(a_subinterface_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(its_number_is_used_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
