// First messages in the names of peers that are up, which anybody may send who knows the addresses.
// They keep nobody out: neither those peers, which may have started anew, nor others, nor us. B
// names one peer and takes any other; A is one of these.
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "isakmp.h"
#include "teardown.h"

#define NAMED     "192.0.2.77"
#define KEEPALIVE "crypto isakmp keepalive 10 2 periodic\n"

static struct {
	uint8_t first[1024]; // message 1 of A
	size_t len;
	uint32_t n; // that were sent
} forger;

// From A to B and back in 30 ms; nobody is at other addresses.
static unsigned network_of_a(struct pair *p, struct fake_datagram *d, bool from_a)
{
	struct ip_addr a;

	addr_parse(ADDR_A, &a);
	return from_a || addr_equal(&d->dst, &a) ? network_far(p, d, from_a) : 0;
}

// A is up; B has as many places, if that is not 0, and these lines.
static struct pair *pair_with_forger(uint32_t places, const char *lines)
{
	struct pair_config a = {.rest = KEEPALIVE};
	struct pair_config b = {.rest = lines,
	                        .entry = "exit\nno crypto map m 1\n"
	                                 "crypto map m 2 ipsec-isakmp\n set peer " NAMED "\n"
	                                 " set transform-set ts\n match address 101\n"
	                                 "crypto dynamic-map dyn 10\n set transform-set ts\n"
	                                 "crypto map m 65000 ipsec-isakmp dynamic dyn"};
	struct pair *p;

	pair_first_message(forger.first, &forger.len);
	forger.n = 0;
	p = pair_create(&a, &b);
	p->network = network_of_a;
	if (places)
		p->b.c.peers.limit = places;
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_non_null(side_sa(&p->b));
	return p;
}

static struct ip_addr stranger(uint32_t nth)
{
	return addr_v4(0xc6336401 + nth); // 198.51.100.1
}

static struct ip_addr at(const char *text)
{
	struct ip_addr addr;

	addr_parse(text, &addr);
	return addr;
}

// Each peer that is a stranger is counted, and what has been begun in its name lies where it
// should.
static void check_queues(const struct control *c)
{
	uint32_t strangers = 0, n = 0;

	for (uint32_t i = 0; i < c->peers.made; i++) {
		const struct peer *peer = slab_at(&c->peers, i);

		strangers += peer && peer->stranger;
		assert_true(!peer || !peer->stranger ||
		            (ike_sas_are_forgeable(peer) && peer->ike_sas && !peer->children));
	}
	assert_int_equal(c->stranger_peers, strangers);
	for (const struct ike_sa *sa = c->strangers.oldest; sa; sa = sa->newer, n++)
		assert_true(sa->peer->stranger);
	assert_int_equal(c->strangers.n, n);
	for (const struct ike_sa *sa = c->claims.oldest; sa; sa = sa->newer, n++)
		assert_false(sa->peer->stranger);
	assert_int_equal(c->strangers.n + c->claims.n, n);
}

// So many first messages from this address, each of another negotiation.
static void forge(struct pair *p, struct ip_addr from, unsigned n)
{
	while (n--) {
		struct fake_datagram d = pair_from_a(forger.first, forger.len);

		d.src = from;
		forger.n++;
		memcpy(d.data, &forger.n, sizeof(forger.n));
		side_receive(&p->b, &d);
	}
	pair_settle(p);
	check_queues(&p->b.c);
}

static struct peer *peer_at(const struct pair *p, struct ip_addr remote)
{
	struct ip_addr local = at(ADDR_B);

	return peer_find(&p->b.c, &local, &remote, 500);
}

// Peers that are no strangers, until so many places are left.
static void take_places(struct pair *p, uint32_t left)
{
	struct control *c = &p->b.c;
	struct ip_addr local = at(ADDR_B), remote;

	for (uint32_t i = 0; c->peers.used + left < c->peers.limit; i++) {
		remote = addr_v4(0xcb007101 + i); // 203.0.113.1
		assert_non_null(peer_get(c, &local, &remote, 500));
	}
}

// What is begun in the name of a peer that is up has no place of its own to give.
static void claims_are_no_places(void **state)
{
	struct pair *p = pair_with_forger(32, NULL);

	(void)state;
	take_places(p, 1);
	forge(p, at(ADDR_A), 5);
	forge(p, stranger(0), 1);
	assert_null(peer_at(p, stranger(0)));
	forge(p, at(NAMED), 1);
	assert_non_null(peer_at(p, at(NAMED)));
	pair_destroy(p);
}

// Nor has a stranger more than one, whatever it begins, and with its place goes all of that.
static void stranger_has_one_place(void **state)
{
	struct pair *p = pair_with_forger(32, NULL);

	(void)state;
	take_places(p, 2);
	forge(p, stranger(0), 20);
	forge(p, stranger(1), 1);
	forge(p, stranger(2), 1);
	assert_null(peer_at(p, stranger(0)));
	assert_non_null(peer_at(p, stranger(1)));
	assert_non_null(peer_at(p, stranger(2)));
	pair_destroy(p);
}

// There was a place when it began, but others have taken that before it has shown its address.
static void place_is_gone(void **state)
{
	struct pair *p = pair_with_forger(0, NULL);

	(void)state;
	teardown_peer(&p->a.c, side_peer(&p->a));
	pair_pass(p, S);
	p->b.c.peers.limit = 32;
	take_places(p, 2);
	side_packet(&p->a, NULL);
	pair_pass(p, 7); // message 3 is on its way
	assert_int_equal(side_peer(&p->b)->ike_sas->state, IKE_R_MM2);
	take_places(p, 0);
	pair_pass(p, S);
	assert_null(side_peer(&p->b));
	assert_int_equal(side_logged(&p->b, "the table of peers is full"), 1);
	forge(p, at(NAMED), 1);
	assert_non_null(peer_at(p, at(NAMED)));
	pair_destroy(p);
}

// The peer ends all that it has: what is begun in its name does not keep its place.
static void place_of_one_that_left(void **state)
{
	struct pair *p = pair_with_forger(32, NULL);

	(void)state;
	take_places(p, 1);
	forge(p, at(ADDR_A), 5);
	teardown_peer(&p->a.c, side_peer(&p->a));
	pair_pass(p, S / 10);
	forge(p, at(ADDR_A), 1);
	assert_int_equal(p->b.c.peers.used, 31);
	forge(p, stranger(0), 1);
	forge(p, stranger(1), 1);
	assert_null(peer_at(p, at(ADDR_A)));
	assert_non_null(peer_at(p, stranger(1)));
	pair_destroy(p);
}

// A tenth of a second of it, at 400 a second: longer than message 3 takes.
static void go_on_forging(struct pair *p)
{
	for (unsigned i = 0; i < S / 10; i++) {
		forge(p, at(ADDR_A), 4);
		pair_pass(p, 1);
	}
}

static struct flow *line_of_named(const struct side *s)
{
	struct flow *f = s->c.entries->flows;

	assert_false(f->entry->any_peer);
	return f;
}

static void others_have_room(struct pair *p)
{
	go_on_forging(p);
	forge(p, stranger(0), 1);
	forge(p, at(NAMED), 1);
	go_on_forging(p);
	assert_non_null(peer_at(p, stranger(0)));
	assert_non_null(peer_at(p, at(NAMED)));
	assert_non_null(peer_at(p, at(NAMED))->ike_sas);
	flow_acquire(&p->b.c, line_of_named(&p->b));
	pair_settle(p);
	assert_true(peer_is_negotiating(peer_at(p, at(NAMED))));
	assert_int_equal(p->b.c.counters.admissions_refused, 0);
	pair_destroy(p);
}

// They do not count among the IKE SAs that there may be, nor take the last places in the table.
static void claims_leave_ike_sas(void **state)
{
	struct pair *p = pair_with_forger(0, "crypto call admission limit ike sa 4");

	(void)state;
	others_have_room(p);
	p = pair_with_forger(0, NULL);
	p->b.c.ike_sas.limit = 16;
	others_have_room(p);
}

// Strangers do not take them all either from a peer that may have started anew.
static void strangers_leave_ike_sas(void **state)
{
	struct pair *p = pair_with_forger(0, NULL);

	(void)state;
	p->b.c.ike_sas.limit = 32;
	for (uint32_t i = 0; i < 64; i++)
		forge(p, stranger(i), 1);
	assert_int_equal(p->b.c.ike_sas.used, 32);
	forge(p, at(ADDR_A), 1);
	for (uint32_t i = 64; i < 128; i++)
		forge(p, stranger(i), 1);
	assert_true(side_peer(&p->b)->ike_sas->state < IKE_P1_COMPLETE);
	pair_destroy(p);
}

static void flood(struct pair *p, tick_t tick, unsigned claims, unsigned strangers)
{
	forge(p, at(ADDR_A), claims);
	forge(p, stranger(tick % 50), strangers);
	pair_pass(p, 1);
}

// As many first messages a tick, of which there is room for those of twice the time that an answer
// takes: who is up notices nothing, and who has really started anew is back at once.
static void restarts_in(unsigned claims, unsigned strangers)
{
	struct pair *p = pair_with_forger(0, KEEPALIVE);
	struct pair_config again = {.rest = KEEPALIVE};
	tick_t ticks;

	p->b.c.ike_sas.limit = 12 * (claims + strangers) + 2;
	for (ticks = 0; ticks < 50 * S; ticks++)
		flood(p, ticks, claims, strangers);
	assert_int_equal(p->b.c.counters.losses, 0);
	assert_int_equal(p->b.c.counters.deaths, 0);
	assert_in_range(p->b.c.counters.probes_answered, 4, 6);
	assert_true(side_reaches(&p->a, &p->b));
	pair_restart(p, &p->a, &again);
	side_packet(&p->a, NULL);
	for (ticks = 0; ticks < S && !side_packet(&p->a, NULL); ticks++)
		flood(p, ticks, claims, strangers);
	assert_true(ticks < S);
	assert_true(side_reaches(&p->a, &p->b));
	pair_pass(p, 60 * S);
	assert_int_equal(p->b.c.peers.used, 1);
	pair_destroy(p);
}

static void restarted_in_a_flood(void **state)
{
	(void)state;
	restarts_in(2, 0);
	restarts_in(2, 2);
}

// A first message that comes to nothing: its proposal cannot be read.
static void forge_in_vain(struct pair *p, struct ip_addr from)
{
	struct fake_datagram d = pair_from_a(forger.first, forger.len);

	d.src = from;
	forger.n++;
	memcpy(d.data, &forger.n, sizeof(forger.n));
	d.data[28 + 4 + 3] ^= 8; // the DOI of the SA payload, which is the first
	side_receive(&p->b, &d);
	pair_settle(p);
	check_queues(&p->b.c);
}

// The oldest stranger begins another negotiation, for which its only one makes room, and which
// comes to nothing: nothing of the stranger is left, nor its place taken for ever.
static void nothing_is_left(void **state)
{
	struct pair *p = pair_with_forger(0, "crypto call admission limit ike sa 4");

	(void)state;
	p->b.c.peers.limit = 32;
	for (uint32_t i = 0; i < 40; i++) {
		forge(p, stranger(i), 1);
		if (i >= 3)
			forge_in_vain(p, stranger(i - 2));
	}
	pair_pass(p, 60 * S);
	assert_int_equal(p->b.c.peers.used, 1);
	forge(p, at(NAMED), 1);
	assert_non_null(peer_at(p, at(NAMED)));
	pair_destroy(p);
}

// Who has left is not called because of what is begun in its name.
static void who_has_left_is_not_called(void **state)
{
	struct pair *p = pair_with_forger(0, KEEPALIVE);

	(void)state;
	forge(p, at(ADDR_A), 1);
	teardown_peer(&p->a.c, side_peer(&p->a));
	pair_pass(p, 25 * S);
	check_queues(&p->b.c);
	assert_null(side_peer(&p->a));
	pair_pass(p, 25 * S);
	assert_int_equal(p->b.c.peers.used, 0);
	pair_destroy(p);
}

// A public value of group 19: its generator.
static const uint8_t point[64] = {
	0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63,
	0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1,
	0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f,
	0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57,
	0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

// Message 3 of each negotiation of this stranger that awaits it, who need not know any key.
static void thirds_of(struct pair *p, struct ip_addr from)
{
	static const uint8_t payloads[] = {ISAKMP_NONCE, 0, 0, 68};
	uint8_t m[ISAKMP_HEADER + 68 + 20] = {0};
	struct fake_datagram d[64];
	unsigned n = 0;

	for (struct ike_sa *sa = peer_at(p, from)->ike_sas; sa; sa = sa->next) {
		if (sa->state != IKE_R_MM2)
			continue;
		memcpy(m, sa->cookie_i, 8);
		memcpy(m + 8, sa->cookie_r, 8);
		m[16] = ISAKMP_KE;
		m[17] = 0x10;
		m[18] = 2;
		m[27] = sizeof(m);
		memcpy(m + ISAKMP_HEADER, payloads, sizeof(payloads));
		memcpy(m + ISAKMP_HEADER + 4, point, sizeof(point));
		m[ISAKMP_HEADER + 68 + 3] = 20;
		m[ISAKMP_HEADER + 68 + 4] = 1;
		d[n] = pair_from_a(m, sizeof(m));
		d[n++].src = from;
	}
	while (n--)
		side_receive(&p->b, &d[n]);
	pair_pass(p, 2);
}

// What did not count because it may have been forged counts once it has shown its address.
static void who_answers_counts(void **state)
{
	struct pair *p = pair_with_forger(0, "crypto call admission limit ike sa 4");

	(void)state;
	forge(p, stranger(0), 1);
	thirds_of(p, stranger(0));
	forge(p, stranger(0), 20);
	thirds_of(p, stranger(0));
	assert_in_range(peer_ike_sas_counted(&p->b.c), 2, 4);
	pair_pass(p, 60 * S);
	pair_destroy(p);
}

// What was begun in the name of one that has left counts from then on, and makes room at once,
// however much it is.
static void claims_of_one_that_left(void **state)
{
	struct pair *p = pair_with_forger(0, "crypto call admission limit ike sa 4");

	(void)state;
	forge(p, at(ADDR_A), 20);
	teardown_peer(&p->a.c, side_peer(&p->a));
	pair_pass(p, S / 10);
	forge(p, at(NAMED), 1);
	assert_non_null(peer_at(p, at(NAMED)));
	assert_int_equal(p->b.c.counters.admissions_refused, 0);
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_are_no_places),
		cmocka_unit_test(stranger_has_one_place),
		cmocka_unit_test(place_is_gone),
		cmocka_unit_test(place_of_one_that_left),
		cmocka_unit_test(claims_leave_ike_sas),
		cmocka_unit_test(strangers_leave_ike_sas),
		cmocka_unit_test(restarted_in_a_flood),
		cmocka_unit_test(nothing_is_left),
		cmocka_unit_test(claims_of_one_that_left),
		cmocka_unit_test(who_answers_counts),
		cmocka_unit_test(who_has_left_is_not_called),
	};

	return cmocka_run_group_tests_name("claims", tests, NULL, NULL);
}
