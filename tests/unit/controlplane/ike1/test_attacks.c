// What somebody on the path or with a forged address can try without a key: reflection,
// negotiations in another's name, floods. It may cost him his own negotiation, never ours.
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike1/info.h"
#include "isakmp.h"
#include "notify.h"
#include "peer.h"
#include "peer_timers.h"

#define NAT_ADDR "203.0.113.5"

// What A sends comes back to it as if B had sent it.
static void reflect(struct pair *p, const struct fake_datagram *d)
{
	struct fake_datagram r = *d;

	r.src = d->dst;
	r.dst = d->src;
	r.src_port = d->dst_port;
	r.dst_port = d->src_port;
	fake_dp_deliver(p->a.c.dp, &r);
}

static unsigned network_reflects(struct pair *p, struct fake_datagram *d, bool from_a)
{
	if (from_a)
		reflect(p, d);
	return 0;
}

static unsigned network_reflects_too(struct pair *p, struct fake_datagram *d, bool from_a)
{
	if (from_a)
		reflect(p, d);
	return 1;
}

// IKEv1 protects both directions with the same key: our own probes are no life of the peer, nor is
// our answer to its probes.
static void reflected_probes(void **state)
{
	struct pair_config config = {.rest = "crypto isakmp keepalive 10 2 periodic"};
	struct pair *p = pair_create(&config, &config);
	uint64_t hellos, acks;

	(void)state;
	pair_up(p);
	p->network = network_reflects_too;
	pair_pass(p, 100 * S);
	assert_int_equal(p->a.c.counters.probes_answered, p->b.c.counters.acks_received);
	assert_int_equal(p->a.c.counters.losses, 0);
	hellos = p->a.c.counters.hellos_received;
	acks = p->a.c.counters.acks_received;
	p->network = network_reflects;
	pair_pass(p, 60 * S);
	assert_int_equal(p->a.c.counters.deaths, 1);
	assert_int_equal(p->a.c.counters.hellos_received, hellos);
	assert_int_equal(p->a.c.counters.acks_received, acks);
	p->network = network_good;
	pair_destroy(p);
}

// A forger who never saw our cookie cannot go on with his negotiation, and so cannot keep the real
// peer or ourselves from theirs.
static void third_message_without_cookie(void **state)
{
	uint8_t first[1024], third[1024], body[64];
	struct isakmp_message m;
	struct fake_datagram d;
	struct ike_sa *sa;
	struct pair *p;
	size_t len;

	(void)state;
	pair_first_message(first, &len);
	p = pair_create(NULL, NULL);
	p->network = network_is_cut;
	memset(body, 0x41, sizeof(body));
	for (unsigned i = 0; i < HALF_OPEN_PER_ADDRESS; i++) {
		struct isakmp_header h = {.version = ISAKMP_VERSION_1,
		                          .exchange = ISAKMP_EXCHANGE_MAIN};

		d = pair_from_a(first, len);
		d.data[0] = (uint8_t)(0x80 + i);
		side_receive(&p->b, &d);
		memcpy(h.cookie_i, d.data, 8);
		isakmp_message_begin(&m, third, sizeof(third), &h);
		isakmp_payload_put(&m, ISAKMP_KE, body, 64);
		isakmp_payload_put(&m, ISAKMP_NONCE, body, 32);
		d = pair_from_a(third, isakmp_message_end(&m));
		side_receive(&p->b, &d);
	}
	pair_settle(p);
	for (sa = side_peer(&p->b)->ike_sas; sa; sa = sa->next)
		assert_int_equal(sa->state, IKE_R_MM2);
	p->network = network_good;
	pair_up(p);
	pair_destroy(p);
}

static void flood_from_one_address(void **state)
{
	struct fake_datagram d;
	uint8_t first[1024];
	struct pair *p;
	size_t len;

	(void)state;
	pair_first_message(first, &len);
	p = pair_create(NULL, NULL);
	p->network = network_is_cut;
	for (unsigned i = 0; i < 100; i++) {
		d = pair_from_a(first, len);
		d.data[3] = (uint8_t)i;
		d.src_port = (uint16_t)(10000 + i);
		side_receive(&p->b, &d);
		pair_settle(p);
		assert_true(p->b.c.half_open <= HALF_OPEN_PER_ADDRESS);
		assert_true(p->b.c.peers.used <= HALF_OPEN_PER_ADDRESS);
	}
	p->network = network_good;
	pair_up(p);
	pair_destroy(p);
}

// The bound on all strangers together: the oldest of them makes room, and what we begin ourselves
// does not count.
static void flood_from_everywhere(void **state)
{
	static const char others[] = " set peer 192.0.2.101\n set peer 192.0.2.102\n"
				     " set peer 192.0.2.103";
	struct pair_config b = {.entry = others};
	uint8_t first[1024], oldest[8];
	struct fake_datagram d;
	struct pair *p;
	size_t len;

	(void)state;
	pair_first_message(first, &len);
	for (unsigned we_begin = 0; we_begin < 2; we_begin++) {
		p = pair_create(NULL, &b);
		p->network = network_is_cut;
		for (unsigned i = 0; i < 2 * 3; i++) {
			d = pair_from_a(first, len);
			d.src.bytes[3] = (uint8_t)(101 + i / 2);
			d.data[0] = (uint8_t)(0x80 + i);
			if (i == 0)
				memcpy(oldest, d.data, 8);
			side_receive(&p->b, &d);
			pair_settle(p);
		}
		assert_int_equal(p->b.c.half_open, 6);
		assert_int_equal(p->b.c.responding, 6);
		// As if there were as many as there may be.
		p->b.c.half_open += HALF_OPEN_MAX - 6;
		p->b.c.responding += HALF_OPEN_MAX - 6;
		p->network = network_good;
		side_packet(we_begin ? &p->b : &p->a, NULL);
		pair_pass(p, S);
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
		for (uint32_t i = 0; !we_begin && i < p->b.c.ike_sas.made; i++) {
			const struct ike_sa *sa = slab_at(&p->b.c.ike_sas, i);

			assert_true(!sa || memcmp(sa->cookie_i, oldest, 8) != 0);
		}
		p->b.c.half_open -= HALF_OPEN_MAX - 6;
		p->b.c.responding -= HALF_OPEN_MAX - 6;
		pair_destroy(p);
	}
}

// An address that no crypto map names gets nothing kept for it, whatever key it may match.
static void address_not_listed(void **state)
{
	struct fake_datagram d;
	uint8_t first[1024];
	struct pair *p;
	size_t len;

	(void)state;
	pair_first_message(first, &len);
	p = pair_create(NULL, NULL);
	d = pair_from_a(first, len);
	addr_parse("198.51.100.9", &d.src);
	side_receive(&p->b, &d);
	pair_settle(p);
	assert_int_equal(p->b.c.peers.used, 0);
	assert_int_equal(p->b.c.ike_sas.used, 0);
	assert_int_equal(p->b.c.counters.ike_refused, 1);
	assert_int_equal(p->sent, 0);
	pair_destroy(p);
}

// A forged first message does not tell us where to begin ourselves.
static void forged_port(void **state)
{
	static const uint16_t ports[] = {4500, 30000};
	struct fake_datagram d, *out;
	uint8_t first[1024];
	struct pair *p;
	size_t len;

	(void)state;
	pair_first_message(first, &len);
	for (unsigned i = 0; i < 2; i++) {
		p = pair_create(NULL, NULL);
		p->network = network_is_cut;
		d = pair_from_a(first, len);
		d.src_port = ports[i];
		side_receive(&p->b, &d);
		pair_settle(p);
		assert_int_equal(p->b.c.ike_sas.used, 1);
		flow_acquire(&p->b.c, flow_of(&p->b.c, fake_dp_tunnel(p->b.c.dp)));
		out = fake_dp_take(p->b.c.dp);
		assert_int_equal(out->src_port, 500);
		assert_int_equal(out->dst_port, 500);
		assert_false(out->marker);
		free(out);
		p->network = network_good;
		pair_pass(p, 2 * S);
		assert_true(side_reaches(&p->b, &p->a));
		pair_destroy(p);
	}
}

static unsigned network_nat(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	addr_parse(from_a ? NAT_ADDR : ADDR_A, from_a ? &d->src : &d->dst);
	return 1;
}

// Several gateways behind one NAT, the first of which has kept its port.
static void neighbours_behind_nat(void **state)
{
	struct pair_config b = {.entry = " set peer " NAT_ADDR};
	struct fake_datagram d;
	uint8_t first[1024];
	struct pair *p;
	struct peer *a;
	size_t len;

	(void)state;
	pair_first_message(first, &len);
	p = pair_create(NULL, &b);
	p->b.remote = NAT_ADDR;
	p->network = network_nat;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	a = side_peer(&p->b);
	assert_non_null(a);
	assert_true(a->nat_remote);
	p->network = network_is_cut;
	for (unsigned i = 0; i < 2; i++) {
		d = pair_from_a(first, len);
		addr_parse(NAT_ADDR, &d.src);
		d.src_port = (uint16_t)(1024 + i);
		d.data[0] = (uint8_t)(0x80 + i);
		side_receive(&p->b, &d);
		pair_settle(p);
		assert_int_equal(p->b.c.peers.used, 2 + i);
	}
	// Both of IKE's own ports are the first one's.
	assert_ptr_equal(peer_find(&p->b.c, &a->local, &a->remote, 500), a);
	assert_ptr_equal(peer_find(&p->b.c, &a->local, &a->remote, 4500), a);
	assert_int_equal(a->remote_port, 4500);
	assert_true(side_reaches(&p->b, &p->a));
	p->network = network_nat;
	pair_pass(p, 60 * S);
	assert_int_equal(p->b.c.peers.used, 1);
	pair_destroy(p);
}

// What the NAT makes of A's ports.
struct mapping {
	uint16_t ike, nat_t;
};

static unsigned network_maps(struct pair *p, struct fake_datagram *d, bool from_a)
{
	const struct mapping *m = p->arg;

	if (from_a) {
		addr_parse(NAT_ADDR, &d->src);
		d->src_port = d->src_port == 500 ? m->ike : m->nat_t;
		return 1;
	}
	if (d->dst_port != m->ike && d->dst_port != m->nat_t)
		return 0; // to another one behind the NAT
	addr_parse(ADDR_A, &d->dst);
	d->dst_port = d->dst_port == m->ike ? 500 : 4500;
	return 1;
}

#define NAMED "crypto isakmp identity hostname"

// A's lines are `rest`.
static struct pair *pair_mapped(struct mapping *m, const char *rest)
{
	struct pair_config a = {.rest = rest};
	struct pair_config b = {.entry = " set peer " NAT_ADDR,
	                        .acl = "ip access-list extended 101\n"
	                               " permit ip 10.2.0.0 0.0.0.255 10.1.0.0 0.0.0.255\n"
	                               " permit ip 10.2.0.0 0.0.0.255 10.3.0.0 0.0.0.255"};
	struct pair *p = pair_create(&a, &b);

	p->b.remote = NAT_ADDR;
	p->network = network_maps;
	p->arg = m;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_int_equal(p->b.c.peers.used, 1);
	assert_true(side_reaches(&p->b, &p->a));
	return p;
}

static struct peer *peer_named(const struct side *s, const char *name)
{
	const struct slab *peers = &s->c.peers;
	char buf[ADDR_TEXT];

	for (uint32_t i = 0; i < peers->made; i++) {
		struct peer *p = slab_at(peers, i);

		if (p && strcmp(peer_id(p, buf), name) == 0)
			return p;
	}
	return NULL;
}

// The first one's port 500 is free again, as only its other port is kept open, and the NAT gives it
// to a second one: who it is shows in message 5.
static void port_of_a_neighbour(void **state)
{
	struct mapping m = {500, 4500};
	struct pair *p = pair_mapped(&m, NAMED);
	struct peer *first = peer_named(&p->b, "gw-a"), *second;
	struct child *ch = first->children;
	struct pair_config other = {.acl = "ip access-list extended 101\n"
	                                   " permit ip 10.3.0.0 0.0.0.255 10.2.0.0 0.0.0.255"};

	(void)state;
	m.nat_t = 14500;
	pair_restart(p, &p->a, &other);
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_int_equal(p->b.c.peers.used, 2);
	assert_ptr_equal(peer_named(&p->b, "gw-a"), first);
	assert_int_equal(first->remote_port, 4500);
	assert_ptr_equal(first->children, ch);
	assert_non_null(peer_ike_sa(first));
	second = peer_named(&p->b, ADDR_A);
	assert_non_null(second);
	assert_int_equal(second->remote_port, 14500);
	assert_non_null(second->children);
	// It comes back from where the first one's port was: the same two, and no third.
	pair_restart(p, &p->a, &other);
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_int_equal(p->b.c.peers.used, 2);
	assert_ptr_equal(peer_named(&p->b, ADDR_A), second);
	assert_ptr_equal(first->children, ch);
	pair_destroy(p);
}

// Message 5 of A waits.
static unsigned network_maps_up_to_4(struct pair *p, struct fake_datagram *d, bool from_a)
{
	if (from_a && d->data[18] == ISAKMP_EXCHANGE_MAIN && (d->data[19] & ISAKMP_FLAG_ENCRYPTED))
		return 0;
	return network_maps(p, d, from_a);
}

// What waited for a phase 1 that turned out to be a neighbour's does not wait for ever.
static void waited_for_a_neighbour(void **state)
{
	struct mapping m = {500, 4500};
	struct pair *p = pair_mapped(&m, NAMED);
	struct peer *first = peer_named(&p->b, "gw-a");
	struct pair_config other = {.acl = "ip access-list extended 101\n"
	                                   " permit ip 10.3.0.0 0.0.0.255 10.2.0.0 0.0.0.255"};

	(void)state;
	ike_sa_destroy(&p->b.c, peer_ike_sa(first));
	m.nat_t = 14500;
	pair_restart(p, &p->a, &other);
	p->network = network_maps_up_to_4;
	side_packet(&p->a, NULL);
	pair_pass(p, S / 2);
	assert_true(peer_is_negotiating(first));
	child_rekey(&p->b.c, first->children);
	assert_non_null(first->waiting);
	p->network = network_maps;
	pair_pass(p, 2 * S);
	assert_non_null(peer_named(&p->b, ADDR_A));
	assert_ptr_equal(peer_named(&p->b, "gw-a"), first);
	assert_non_null(first->waiting);
	assert_true(peer_is_negotiating(first));
	pair_destroy(p);
}

// One and the same, whose port 500 has another mapping by now.
static void first_port_changes(void **state)
{
	struct mapping m = {500, 4500};
	struct pair *p = pair_mapped(&m, NAMED);
	struct pair_config again = {.rest = NAMED};
	struct peer *first = peer_named(&p->b, "gw-a");

	(void)state;
	m.ike = 1030;
	pair_restart(p, &p->a, &again);
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_int_equal(p->b.c.peers.used, 1);
	assert_ptr_equal(peer_named(&p->b, "gw-a"), first);
	assert_true(side_reaches(&p->b, &p->a));
	pair_destroy(p);
}

// The first message from a new port is that of a quick mode: its answer goes there, and once
// message 3 has shown that it is no copy, so does everything.
static void quick_mode_from_another_port(void **state)
{
	struct mapping m = {500, 4500};
	struct pair *p = pair_mapped(&m, NULL);
	struct child *old = side_child(&p->a);

	(void)state;
	m.nat_t = 29500;
	child_rekey(&p->a.c, old);
	pair_pass(p, S / 2);
	assert_ptr_not_equal(side_child(&p->a), old);
	assert_true(side_child(&p->a)->state >= CHILD_INBOUND);
	assert_int_equal(p->a.c.counters.ike_retransmits, 0);
	assert_int_equal(side_sa(&p->b)->remote_port, 29500);
	assert_int_equal(side_peer(&p->b)->remote_port, 29500);
	assert_true(side_reaches(&p->b, &p->a));
	pair_destroy(p);
}

// ... and that of a hello: so does its acknowledgement.
static void hello_from_another_port(void **state)
{
	struct mapping m = {500, 4500};
	struct pair *p = pair_mapped(&m, NULL);
	struct ike_sa *sa = side_sa(&p->a);

	(void)state;
	m.nat_t = 29500;
	sa->dpd_run_first = sa->dpd_next;
	ike1_probe(&p->a.c, sa, "IKE_TIMER_IM_ALIVE");
	pair_settle(p);
	assert_int_equal(p->a.c.counters.acks_received, 1);
	assert_int_equal(side_peer(&p->b)->remote_port, 29500);
	pair_destroy(p);
}

// Message 2 with our own cookie as the responder's, and our message 3 as message 4: then both
// hashes of phase 1 would be the same, and message 5 could come back as message 6.
static unsigned network_mirrors_2(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	if (!from_a)
		memcpy(d->data + 8, d->data, 8);
	return 1;
}

static unsigned network_mirrors_3(struct pair *p, struct fake_datagram *d, bool from_a)
{
	static const uint8_t none[8];

	if (!from_a || memcmp(d->data + 8, none, 8) == 0)
		return 1;
	reflect(p, d);
	return 0;
}

static void mirrored_phase_1(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	p->network = network_mirrors_2;
	side_packet(&p->a, NULL);
	pair_settle(p);
	assert_int_equal(side_peer(&p->a)->ike_sas->state, IKE_I_MM1);
	p->network = network_good;
	pair_pass(p, 5 * S);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
	p = pair_create(NULL, NULL);
	p->network = network_mirrors_3;
	side_packet(&p->a, NULL);
	pair_settle(p);
	assert_int_equal(side_peer(&p->a)->ike_sas->state, IKE_I_MM3);
	p->network = network_good;
	pair_pass(p, 5 * S);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

static unsigned network_moves_5(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	if (from_a && d->data[18] == ISAKMP_EXCHANGE_MAIN && (d->data[19] & ISAKMP_FLAG_ENCRYPTED))
		d->src_port = 7777;
	return 1;
}

// The port that message 5 came from is in no hash: without a NAT it is not believed.
static void fifth_message_from_elsewhere(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	p->network = network_moves_5;
	pair_up(p);
	assert_int_equal(side_sa(&p->b)->remote_port, 500);
	assert_int_equal(side_peer(&p->b)->remote_port, 500);
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reflected_probes),
		cmocka_unit_test(third_message_without_cookie),
		cmocka_unit_test(flood_from_one_address),
		cmocka_unit_test(flood_from_everywhere),
		cmocka_unit_test(address_not_listed),
		cmocka_unit_test(forged_port),
		cmocka_unit_test(neighbours_behind_nat),
		cmocka_unit_test(port_of_a_neighbour),
		cmocka_unit_test(first_port_changes),
		cmocka_unit_test(waited_for_a_neighbour),
		cmocka_unit_test(quick_mode_from_another_port),
		cmocka_unit_test(hello_from_another_port),
		cmocka_unit_test(mirrored_phase_1),
		cmocka_unit_test(fifth_message_from_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
