// A peer behind a NAT that changes its mind: A has another port or address, or another's port, and
// what B sends finds it all the same.
#include "pair.h"

#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "peer_timers.h"

#define NAT_ADDR "203.0.113.5"
#define NAT_NEXT "203.0.113.77" // the NAT has dialled in anew
#define PUBLIC   "198.51.100.7" // B's, if it is behind a NAT itself
#define PERIODIC "crypto isakmp keepalive 10 periodic"
#define DYNAMIC                                                                                    \
	"exit\nno crypto map m 1\n"                                                                \
	"crypto dynamic-map dyn 10\n set transform-set ts\n"                                       \
	"crypto map m 65000 ipsec-isakmp dynamic dyn"

#define DYNAMIC_BESIDE                                                                             \
	"exit\ncrypto dynamic-map dyn 10\n set transform-set ts\n"                                 \
	"crypto map m 65000 ipsec-isakmp dynamic dyn"

// What A's ports are outside, and whether B has another address there, the ports kept.
struct mapping {
	uint16_t ike, nat_t;
	bool both;
	const char *addr; // A's; NULL = NAT_ADDR
};

// B's only peer, whatever port it is behind.
static struct peer *first_peer(const struct pair *p)
{
	struct peer *first = NULL;

	for (uint32_t i = 0; !first && i < p->b.c.peers.made; i++)
		first = slab_at(&p->b.c.peers, i);
	return first;
}

static unsigned network_nat(struct pair *p, struct fake_datagram *d, bool from_a)
{
	const struct mapping *m = p->arg;
	const char *outside = m->addr ? m->addr : NAT_ADDR;
	struct ip_addr addr;

	addr_parse(outside, &addr);
	if (from_a) {
		d->src = addr;
		d->src_port = d->src_port == 500 ? m->ike : m->nat_t;
		if (m->both)
			addr_parse(ADDR_B, &d->dst);
		return 1;
	}
	if (m->both)
		addr_parse(PUBLIC, &d->src);
	if (!addr_equal(&d->dst, &addr) || (d->dst_port != m->ike && d->dst_port != m->nat_t))
		return 0; // nobody is there any more
	addr_parse(ADDR_A, &d->dst);
	d->dst_port = d->dst_port == m->ike ? 500 : 4500;
	return 1;
}

static struct pair *pair_begun(struct mapping *m, const char *keepalive, const char *entry)
{
	struct pair_config a = {.rest = keepalive,
	                        .entry = m->both ? " set peer " PUBLIC " default" : NULL};
	struct pair_config b = {.rest = keepalive, .entry = entry};
	struct pair *p = pair_create(&a, &b);

	p->b.remote = NAT_ADDR;
	if (m->both)
		p->a.remote = PUBLIC;
	p->network = network_nat;
	p->arg = m;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_int_equal(p->b.c.peers.used, 1);
	assert_int_equal(p->b.c.input_by, 0); // no message is being handled
	return p;
}

static struct pair *pair_with_entry(struct mapping *m, const char *keepalive, const char *entry)
{
	struct pair *p = pair_begun(m, keepalive, entry);

	assert_true(side_reaches(&p->b, &p->a));
	return p;
}

static struct pair *pair_behind_nat(struct mapping *m, const char *keepalive)
{
	return pair_with_entry(m, keepalive, " set peer " NAT_ADDR);
}

// Nothing but probes tells of the new port. A gateway in a cloud is behind a NAT as well, which
// keeps its own.
static void another_port_while_idle(void **state)
{
	(void)state;
	for (unsigned both = 0; both < 2; both++) {
		struct mapping m = {1030, 14500, both};
		struct pair *p = pair_behind_nat(&m, PERIODIC);

		m.nat_t = 29500;
		pair_pass(p, 60 * S);
		assert_int_equal(p->a.c.counters.deaths + p->b.c.counters.deaths, 0);
		assert_int_equal(p->a.c.counters.losses, 0);
		assert_int_equal(first_peer(p)->remote_port, 29500);
		pair_destroy(p);
	}
}

static bool is_known_at(const struct pair *p, const char *addr, uint16_t port)
{
	const struct control *c = &p->b.c;
	struct ip_addr local, remote;

	addr_parse(ADDR_B, &local);
	addr_parse(addr, &remote);
	return peer_next_at(c, &local, &remote, port, NULL) != NULL;
}

static const struct sa_spec *out_spec(const struct pair *p)
{
	return &fake_sa_at(p->b.c.dp, first_peer(p)->children->out)->spec;
}

// Nothing but A's probes tells of the new address: B, whose entry takes any peer, follows them at
// once, and nobody misses an answer.
static void another_address_while_idle(void **state)
{
	struct mapping m = {1030, 14500, false};
	struct pair *p = pair_with_entry(&m, PERIODIC, DYNAMIC);
	struct ip_addr next;

	(void)state;
	addr_parse(NAT_NEXT, &next);
	m = (struct mapping){1040, 29500, false, NAT_NEXT};
	pair_pass(p, 60 * S);
	assert_int_equal(p->a.c.counters.deaths + p->b.c.counters.deaths, 0);
	assert_int_equal(p->a.c.counters.losses, 0);
	assert_true(is_known_at(p, NAT_NEXT, 29500));
	assert_false(is_known_at(p, NAT_ADDR, 14500));
	assert_true(addr_equal(&out_spec(p)->remote, &next));
	assert_int_equal(out_spec(p)->remote_port, 29500);
	assert_int_equal(p->b.c.peers.used, 1);
	pair_destroy(p);
}

// ESP tells first. A negotiation that has begun from the old address, by whomever, does not hinder,
// and ends in its time; the renewal of phase 1 finds its peer.
static void another_address_by_esp(void **state)
{
	struct mapping m = {1030, 14500, false};
	struct pair *p = pair_with_entry(&m, NULL, DYNAMIC);
	struct peer *b = first_peer(p);
	uint8_t first[1024];
	struct fake_datagram d;
	struct ip_addr next;
	size_t len;

	(void)state;
	addr_parse(NAT_NEXT, &next);
	pair_first_message(first, &len);
	d = pair_from_a(first, len);
	addr_parse(NAT_ADDR, &d.src);
	d.src_port = 1030;
	side_receive(&p->b, &d);
	pair_settle(p);
	assert_int_equal(ike_sa_begun_at(&p->b.c, &b->local, &b->remote), 1);
	m = (struct mapping){1040, 29500, false, NAT_NEXT};
	assert_true(on_peer_moved(&p->b.c, b, &next, 29500));
	assert_true(is_known_at(p, NAT_NEXT, 29500));
	assert_true(addr_equal(&out_spec(p)->remote, &next));
	assert_int_equal(ike_sa_begun_at(&p->b.c, &b->local, &next), 1);
	pair_pass(p, 120 * S);
	assert_int_equal(ike_sa_begun_at(&p->b.c, &b->local, &next), 0);
	on_tunnel_wanted(&p->a.c, side_peer(&p->a));
	pair_pass(p, 2 * S);
	assert_int_equal(p->b.c.peers.used, 1);
	assert_true(side_packet(&p->b, NULL));
	assert_true(side_reaches(&p->b, &p->a));
	pair_destroy(p);
}

// The crypto map names the address: whoever comes from another one is another peer, and what comes
// from there is no life of this one.
static void another_address_than_the_entry_names(void **state)
{
	struct mapping m = {1030, 14500, false};
	struct pair *p = pair_behind_nat(&m, PERIODIC);
	struct ip_addr next;

	(void)state;
	addr_parse(NAT_NEXT, &next);
	assert_false(on_peer_moved(&p->b.c, first_peer(p), &next, 29500));
	assert_true(is_known_at(p, NAT_ADDR, 14500));
	m = (struct mapping){1040, 29500, false, NAT_NEXT};
	pair_pass(p, 40 * S);
	assert_int_equal(p->b.c.counters.deaths, 1);
	pair_destroy(p);
}

#define BESIDE_STATIC " set peer " ADDR_A "\n" DYNAMIC_BESIDE

// Whoever has a key may send from anywhere: nobody goes to where a peer is that an entry names, and
// that one is called as if there were nobody.
static void address_of_a_named_peer(void **state)
{
	struct mapping m = {500, 14500, false};
	struct pair *p = pair_begun(&m, NULL, BESIDE_STATIC);
	struct peer *b = first_peer(p);
	struct ip_addr named;

	(void)state;
	addr_parse(ADDR_A, &named);
	assert_true(b->children->flow->entry->any_peer);
	assert_false(on_peer_moved(&p->b.c, b, &named, 4500));
	assert_false(peer_may_be_at(&p->b.c, b, &named));
	assert_true(is_known_at(p, NAT_ADDR, 14500));
	pair_destroy(p);
}

// Nor to where somebody is already.
static void address_of_another(void **state)
{
	struct mapping m = {500, 14500, false};
	struct pair *p = pair_with_entry(&m, NULL, DYNAMIC);
	struct peer *b = first_peer(p), *other;
	struct ip_addr next;

	(void)state;
	addr_parse(NAT_NEXT, &next);
	other = peer_create(&p->b.c, &b->local, &next, 29500);
	assert_false(on_peer_moved(&p->b.c, b, &next, 29500));
	assert_false(on_peer_moved(&p->b.c, b, &next, 500));
	assert_true(on_peer_moved(&p->b.c, b, &next, 29501));
	// Who begins from there, by IKE's own port, is not taken for it.
	peer_release(&p->b.c, other);
	assert_null(peer_find(&p->b.c, &b->local, &next, 500));
	pair_destroy(p);
}

// Whose children are too many to be asked stays where it is.
static void with_very_many_tunnels(void **state)
{
	struct mapping m = {500, 14500, false};
	struct pair *p = pair_with_entry(&m, NULL, DYNAMIC);
	struct peer *b = first_peer(p);
	uint32_t n = b->n_children;
	struct ip_addr next;

	(void)state;
	addr_parse(NAT_NEXT, &next);
	b->n_children = FOLLOWED_CHILDREN_MAX;
	assert_true(peer_may_be_at(&p->b.c, b, &next));
	b->n_children = FOLLOWED_CHILDREN_MAX + 1;
	assert_false(peer_may_be_at(&p->b.c, b, &next));
	b->n_children = n;
	pair_destroy(p);
}

// A flow of an entry waits for its peer, which goes elsewhere meanwhile.
static void moves_while_a_flow_waits(void **state)
{
	struct mapping m = {500, 14500, false};
	struct pair *p = pair_begun(&m, NULL, BESIDE_STATIC);
	struct peer *b = first_peer(p);
	struct flow *line = p->b.c.entries->flows;

	(void)state;
	assert_int_equal(line->instance, FLOW_LINE);
	line->peer = b; // as if it had waited for this one
	line->state = FLOW_WANTED;
	flow_negotiate(&p->b.c, line);
	pair_pass(p, S);
	assert_null(line->child);
	assert_null(line->peer);
	pair_destroy(p);
}

// From two places in turn: the tables hear of it ten times a second, and the SAs are to say again
// where the peer is.
static void to_and_fro(void **state)
{
	struct mapping m = {1030, 14500, false};
	struct pair *p = pair_with_entry(&m, NULL, DYNAMIC);
	struct peer *b = first_peer(p);
	struct ip_addr next, back;

	(void)state;
	addr_parse(NAT_NEXT, &next);
	addr_parse(NAT_ADDR, &back);
	pair_pass(p, S);
	b->heard_by = 1;
	assert_true(on_peer_moved(&p->b.c, b, &next, 29500));
	assert_int_equal(b->heard_by, 0);
	assert_false(on_peer_moved(&p->b.c, b, &back, 14500));
	fake_sa_at(p->b.c.dp, b->children->in)->place_forgotten = false;
	pair_pass(p, S / 5);
	assert_true(fake_sa_at(p->b.c.dp, b->children->in)->place_forgotten);
	assert_true(on_peer_moved(&p->b.c, b, &back, 14500));
	assert_true(on_peer_moved(&p->b.c, b, &back, 14500)); // it is there
	assert_true(is_known_at(p, NAT_ADDR, 14500));
	pair_destroy(p);
}

// A neighbour behind A's NAT has got the port that A's first message came by, and says that there
// is no NAT: it does not take A's place.
static void neighbour_without_a_nat(void **state)
{
	struct mapping m = {500, 14500, false};
	struct pair *p = pair_with_entry(&m, NULL, DYNAMIC);
	struct ike_sa *a = peer_ike_sa(first_peer(p));

	(void)state;
	p->a.local = NAT_ADDR;
	pair_restart(p, &p->a, NULL);
	p->network = network_good;
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_int_equal(p->b.c.peers.used, 2);
	assert_int_equal(a->peer->remote_port, 14500);
	assert_ptr_equal(peer_ike_sa(a->peer), a);
	pair_destroy(p);
}

// One who has the key gives itself one name after another: the last place is left to the peer that
// an entry names.
static void many_names(void **state)
{
	struct mapping m = {500, 14500, false};
	struct pair *p = pair_begun(&m, NULL, BESIDE_STATIC);
	char rest[64];

	(void)state;
	p->b.c.peers.limit = 16;
	for (unsigned i = 0; i < 20; i++) {
		struct pair_config a = {.rest = rest};

		snprintf(rest, sizeof(rest), "hostname h%u\ncrypto isakmp identity hostname", i);
		pair_restart(p, &p->a, &a);
		m.nat_t = (uint16_t)(14600 + i);
		side_packet(&p->a, NULL);
		pair_pass(p, S);
	}
	assert_in_range(p->b.c.peers.used, 10, 15);
	pair_destroy(p);
}

// A forged message from elsewhere costs no look at the peer's children.
static void forged_from_elsewhere(void **state)
{
	struct mapping m = {1030, 14500, false};
	struct pair *p = pair_behind_nat(&m, NULL);
	const struct ike_sa *sa = peer_ike_sa(first_peer(p));
	struct fake_datagram d = {.src_port = 29500, .dst_port = 4500, .len = 76};
	uint64_t before = p->b.c.counters.ike_unauthentic;

	(void)state;
	addr_parse(NAT_NEXT, &d.src);
	addr_parse(ADDR_B, &d.dst);
	memcpy(d.data, sa->cookie_i, 8);
	memcpy(d.data + 8, sa->cookie_r, 8);
	memcpy(d.data + 16, (uint8_t[]){8, 0x10, 5, 1, 1, 2, 3, 4, 0, 0, 0, 76}, 12);
	side_receive(&p->b, &d);
	pair_settle(p);
	assert_int_equal(p->b.c.counters.ike_unauthentic, before + 1);
	pair_destroy(p);
}

struct recorder {
	struct mapping m; // first: the network of the NAT reads it
	struct fake_datagram last;
};

static unsigned network_records(struct pair *p, struct fake_datagram *d, bool from_a)
{
	struct recorder *r = p->arg;
	unsigned copies = network_nat(p, d, from_a);

	if (from_a && copies)
		r->last = *d;
	return copies;
}

// A stranger sends on from elsewhere what A has sent: it has been heard, and moves nobody.
static void replayed_from_elsewhere(void **state)
{
	struct recorder r = {.m = {1030, 14500, false}};
	struct pair *p = pair_with_entry(&r.m, PERIODIC, DYNAMIC);

	(void)state;
	p->network = network_records;
	p->arg = &r;
	pair_pass(p, 15 * S);
	assert_int_equal(r.last.src_port, 14500);
	for (unsigned i = 0; i < 5; i++) {
		addr_parse(NAT_NEXT, &r.last.src);
		side_receive(&p->b, &r.last);
		pair_settle(p);
		assert_true(is_known_at(p, NAT_ADDR, 14500));
		pair_pass(p, 3 * S);
	}
	assert_int_equal(p->b.c.counters.deaths, 0);
	pair_destroy(p);
}

// The first that comes from the new port is the renewal of phase 1, as from somebody new: the
// Delete of the old one, which he alone can send, tells that it is he.
static void another_port_before_a_renewal(void **state)
{
	struct mapping m = {1030, 14500, false};
	struct pair *p = pair_behind_nat(&m, PERIODIC);

	(void)state;
	pair_pass(p, 3 * S);
	m = (struct mapping){1031, 29500, false};
	on_tunnel_wanted(&p->a.c, side_peer(&p->a));
	pair_pass(p, 60 * S);
	assert_int_equal(p->b.c.counters.deaths, 0);
	assert_true(side_packet(&p->b, NULL));
	assert_true(side_reaches(&p->b, &p->a));
	assert_true(side_packet(&p->a, NULL));
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// ESP with an SPI that B does not have any more is answered to whom it came from.
static void unknown_spi_behind_nat(void **state)
{
	struct mapping m = {1030, 14500, false};
	struct pair *p = pair_behind_nat(&m, NULL);
	struct peer *b = first_peer(p);
	uint32_t spi = b->children->spi_in;

	(void)state;
	child_delete(&p->b.c, b->children, false, "test");
	pair_pass(p, S);
	on_invalid_spi(&p->b.c, &b->local, &b->remote, 14501, spi); // a neighbour's
	pair_pass(p, S);
	assert_int_equal(p->a.c.children.used, 1);
	on_invalid_spi(&p->b.c, &b->local, &b->remote, 14500, spi);
	pair_pass(p, S);
	assert_int_equal(p->a.c.children.used, 0);
	pair_destroy(p);
}

// B wants a tunnel, and A cannot be called: on the IKE SA that there is it can be asked.
static void wanted_from_outside(void **state)
{
	struct mapping m = {1030, 14500, false};
	struct pair *p = pair_behind_nat(&m, NULL);

	(void)state;
	child_delete(&p->a.c, side_child(&p->a), true, "test");
	pair_pass(p, 2 * S);
	assert_int_equal(p->b.c.children.used, 0);
	assert_false(side_packet(&p->b, NULL));
	pair_pass(p, S);
	assert_true(side_packet(&p->b, NULL));
	assert_true(side_reaches(&p->b, &p->a));
	assert_int_equal(p->b.c.peers.used, 1);
	pair_destroy(p);
}

// A neighbour has A's identity, and its first message comes by the port that A's came by: it does
// not take A's place.
static void neighbour_of_the_same_name(void **state)
{
	struct mapping m = {500, 14500, false};
	struct pair *p = pair_behind_nat(&m, NULL);
	struct ike_sa *a = peer_ike_sa(first_peer(p));
	struct fake_sa *in = fake_sa_at(p->b.c.dp, a->peer->children->in);

	(void)state;
	in->have_in = true;
	in->last_in = fake_now + 2; // the worker's clock is ahead of the control core's
	pair_restart(p, &p->a, NULL);
	m.nat_t = 24500;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_int_equal(p->b.c.peers.used, 2);
	assert_int_equal(a->peer->remote_port, 14500);
	assert_ptr_equal(peer_ike_sa(a->peer), a);
	pair_destroy(p);
}

// A itself begins anew, by the port that its first message came by and another one: it has been
// silent for a while, as who restarts is, and what it had goes.
static void restart_through_another_port(void **state)
{
	struct mapping m = {500, 14500, false};
	struct pair *p = pair_behind_nat(&m, NULL);

	(void)state;
	pair_pass(p, 30 * S);
	pair_restart(p, &p->a, NULL);
	m.nat_t = 24500;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_int_equal(p->b.c.peers.used, 1);
	assert_int_equal(p->b.c.children.used, 1);
	assert_int_equal(first_peer(p)->remote_port, 24500);
	assert_true(side_packet(&p->b, NULL));
	assert_true(side_reaches(&p->b, &p->a));
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_port_while_idle),
		cmocka_unit_test(another_address_while_idle),
		cmocka_unit_test(another_address_by_esp),
		cmocka_unit_test(another_address_than_the_entry_names),
		cmocka_unit_test(replayed_from_elsewhere),
		cmocka_unit_test(address_of_a_named_peer),
		cmocka_unit_test(address_of_another),
		cmocka_unit_test(with_very_many_tunnels),
		cmocka_unit_test(moves_while_a_flow_waits),
		cmocka_unit_test(to_and_fro),
		cmocka_unit_test(neighbour_without_a_nat),
		cmocka_unit_test(many_names),
		cmocka_unit_test(forged_from_elsewhere),
		cmocka_unit_test(another_port_before_a_renewal),
		cmocka_unit_test(unknown_spi_behind_nat),
		cmocka_unit_test(wanted_from_outside),
		cmocka_unit_test(neighbour_of_the_same_name),
		cmocka_unit_test(restart_through_another_port),
	};

	return cmocka_run_group_tests_name("nat", tests, NULL, NULL);
}
