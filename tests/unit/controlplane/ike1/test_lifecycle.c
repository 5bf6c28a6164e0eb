// IKE SAs and children after they are up: renewal of both phases, deletes, INITIAL-CONTACT, NAT
// traversal, DPD messages and their debug lines. Checklist items are named.
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "peer_timers.h"
#include "teardown.h"

// Packets in both directions, every tick, are encrypted with an SA that the other side has.
static void traffic_without_loss(struct pair *p, unsigned seconds)
{
	for (unsigned i = 0; i < seconds * S; i++) {
		pair_pass(p, 1);
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
	}
}

static void children_are_renewed(void **state)
{
	struct pair_config config = {
		.rest = "crypto ipsec security-association lifetime seconds 120"};
	struct pair *p = pair_create(&config, &config);
	uint32_t first;

	(void)state;
	p->network = network_far;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	first = side_child(&p->a)->spi_in;
	traffic_without_loss(p, 600);
	assert_int_not_equal(side_child(&p->a)->spi_in, first);
	assert_true(p->a.c.children.used <= 2);
	assert_int_equal(p->a.c.ike_sas.used, 1);
	pair_destroy(p);
}

// The smaller lifetime of both holds.
static void lifetimes_differ(void **state)
{
	struct pair_config a = {.rest = "crypto ipsec security-association lifetime seconds 3600"};
	struct pair_config b = {.rest = "crypto ipsec security-association lifetime seconds 120"};
	struct pair *p = pair_create(&a, &b);

	(void)state;
	p->network = network_far;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_int_equal(side_child(&p->b)->suite.lifetime_seconds, 120);
	traffic_without_loss(p, 400);
	pair_destroy(p);
}

static void phase_1_is_renewed(void **state)
{
	struct pair_config config = {.policies = "crypto isakmp policy 1\n encryption aes\n"
	                                         " hash sha256\n authentication pre-share\n"
	                                         " group 19\n lifetime 60"};
	struct pair *p = pair_create(&config, &config);
	uint8_t first[8];

	(void)state;
	p->network = network_far;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	memcpy(first, side_sa(&p->a)->cookie_i, 8);
	traffic_without_loss(p, 300);
	assert_memory_not_equal(side_sa(&p->a)->cookie_i, first, 8);
	assert_memory_equal(side_sa(&p->a)->cookie_i, side_sa(&p->b)->cookie_i, 8);
	// The child has lived through all of it.
	assert_int_equal(p->a.c.children.used, 1);
	assert_int_equal(side_logged(&p->a, "Crypto tunnel is UP"), 1);
	assert_true(p->a.c.ike_sas.used <= 2);
	pair_destroy(p);
}

// When its renewal was due the IKE SA had no child; one that comes later must not end with it.
static void idle_phase_1_is_renewed_late(void **state)
{
	struct pair_config config = {.policies = "crypto isakmp policy 1\n encryption aes\n"
	                                         " hash sha256\n authentication pre-share\n"
	                                         " group 19\n lifetime 600"};
	struct pair *p = pair_create(&config, &config);
	uint8_t first[8];

	(void)state;
	pair_up(p);
	memcpy(first, side_sa(&p->a)->cookie_i, 8);
	child_delete(&p->a.c, side_child(&p->a), true, "test");
	pair_pass(p, 550 * S);
	assert_memory_equal(side_sa(&p->a)->cookie_i, first, 8);
	side_packet(&p->a, NULL);
	pair_pass(p, S); // the renewal begins within ten
	assert_true(side_reaches(&p->a, &p->b));
	pair_pass(p, 30 * S);
	assert_memory_not_equal(side_sa(&p->a)->cookie_i, first, 8);
	pair_pass(p, 100 * S);
	assert_true(side_reaches(&p->a, &p->b));
	assert_int_equal(p->a.c.ike_sas.used, 1);
	pair_destroy(p);
}

static void child_is_deleted(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	child_delete(&p->a.c, side_child(&p->a), true, "test");
	pair_pass(p, S);
	assert_null(side_child(&p->a));
	assert_null(side_child(&p->b));
	assert_non_null(side_sa(&p->b));
	assert_int_equal(p->b.c.peers.used, 1);
	// And again, on the same IKE SA.
	side_packet(&p->b, NULL);
	pair_pass(p, S);
	assert_true(side_reaches(&p->b, &p->a));
	assert_int_equal(p->a.c.ike_sas.used, 1);
	pair_destroy(p);
}

static void peer_is_cleared(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	teardown_peer(&p->a.c, side_peer(&p->a));
	pair_pass(p, S);
	assert_null(side_peer(&p->a));
	assert_null(side_peer(&p->b));
	assert_int_equal(fake_dp_live_sas(p->b.c.dp), 0);
	pair_up(p);
	pair_destroy(p);
}

// A side that lost its memory says so, and the other one drops what it still had.
static void initial_contact(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	uint32_t old;

	(void)state;
	pair_up(p);
	old = side_child(&p->b)->spi_in;
	pair_pass(p, S);
	pair_restart(p, &p->a, NULL);
	pair_up(p);
	assert_true(side_logged(&p->b, "NOTIFY INITIAL_CONTACT"));
	assert_int_equal(p->b.c.children.used, 1);
	assert_int_equal(p->b.c.ike_sas.used, 1);
	assert_int_not_equal(side_child(&p->b)->spi_in, old);
	pair_destroy(p);
}

// ---- NAT: B sees A at another address and port; A sees nothing of it.

#define NAT_ADDR "203.0.113.5"

struct nat {
	uint16_t shift; // added to A's ports
};

static unsigned network_nat(struct pair *p, struct fake_datagram *d, bool from_a)
{
	struct nat *nat = p->arg;

	if (from_a) {
		addr_parse(NAT_ADDR, &d->src);
		d->src_port = (uint16_t)(d->src_port + nat->shift);
		return 1;
	}
	addr_parse(ADDR_A, &d->dst);
	d->dst_port = (uint16_t)(d->dst_port - nat->shift);
	return 1;
}

static struct pair *pair_nat(struct nat *nat)
{
	struct pair_config b = {.entry = " set peer " NAT_ADDR,
	                        .rest = "crypto isakmp keepalive 10 periodic"};
	struct pair_config a = {.rest = "crypto isakmp nat keepalive 20"};
	struct pair *p = pair_create(&a, &b);

	p->b.remote = NAT_ADDR;
	p->network = network_nat;
	p->arg = nat;
	return p;
}

static struct peer *only_peer(const struct side *s)
{
	struct peer *p = NULL;

	for (uint32_t i = 0; !p && i < s->c.peers.made; i++)
		p = slab_at(&s->c.peers, i);
	assert_non_null(p);
	return p;
}

// RFC 3947: both float to port 4500, and ESP goes in UDP.
static void nat_is_found(void **state)
{
	struct nat nat = {.shift = 20000};
	struct pair *p = pair_nat(&nat);
	struct fake_sa *out = NULL;

	(void)state;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
	assert_true(only_peer(&p->a)->nat_local);
	assert_false(only_peer(&p->a)->nat_remote);
	assert_true(only_peer(&p->b)->nat_remote);
	assert_false(only_peer(&p->b)->nat_local);
	assert_int_equal(only_peer(&p->a)->remote_port, 4500);
	assert_int_equal(only_peer(&p->b)->remote_port, 24500);
	assert_true(fake_dp_packet(p->b.c.dp, fake_dp_tunnel(p->b.c.dp), &out));
	assert_int_equal(out->spec.encap, SA_ENCAP_UDP);
	assert_int_equal(out->spec.local_port, 4500);
	assert_int_equal(out->spec.remote_port, 24500);
	pair_pass(p, 60 * S); // probes of B reach A
	assert_true(p->b.c.counters.acks_received >= 4);
	assert_int_equal(p->b.c.counters.losses, 0);
	pair_destroy(p);
}

// The NAT forgets, and A comes from another port: B follows what is authentic, for ESP too.
static void nat_changes_port(void **state)
{
	struct nat nat = {.shift = 20000};
	struct pair *p = pair_nat(&nat);
	struct fake_sa *out = NULL;

	(void)state;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	nat.shift = 25000;
	assert_int_equal(ike1_probe(&p->a.c, peer_ike_sa(only_peer(&p->a)), "IKE_TIMER_IM_ALIVE"),
	                 0);
	pair_settle(p);
	assert_int_equal(only_peer(&p->b)->remote_port, 29500);
	assert_int_equal(p->b.c.counters.hellos_received, 1);
	assert_true(fake_dp_packet(p->b.c.dp, fake_dp_tunnel(p->b.c.dp), &out));
	assert_int_equal(out->spec.remote_port, 29500);
	pair_pass(p, 30 * S);
	assert_int_equal(p->b.c.counters.losses, 0);
	pair_destroy(p);
}

// The port changes to and fro all the time: IKE follows each time, ESP a few times a second, and at
// last it is where the peer is.
static void nat_changes_port_often(void **state)
{
	struct nat nat = {.shift = 20000};
	struct pair *p = pair_nat(&nat);
	struct fake_sa *out = NULL;
	unsigned moves = 0;
	uint16_t port;

	(void)state;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_true(fake_dp_packet(p->b.c.dp, fake_dp_tunnel(p->b.c.dp), &out));
	port = out->spec.remote_port;
	for (unsigned i = 0; i < 100; i++) {
		nat.shift = i % 2 ? 20000 : 25000;
		ike1_probe(&p->a.c, peer_ike_sa(only_peer(&p->a)), "IKE_TIMER_IM_ALIVE");
		pair_pass(p, 1);
		assert_int_equal(only_peer(&p->b)->remote_port, 4500 + nat.shift);
		moves += out->spec.remote_port != port;
		port = out->spec.remote_port;
	}
	assert_in_range(moves, 1, 12);
	nat.shift = 27000;
	ike1_probe(&p->a.c, peer_ike_sa(only_peer(&p->a)), "IKE_TIMER_IM_ALIVE");
	pair_pass(p, S / 5);
	assert_true(fake_dp_packet(p->b.c.dp, fake_dp_tunnel(p->b.c.dp), &out));
	assert_int_equal(out->spec.remote_port, 31500);
	pair_pass(p, 30 * S);
	assert_int_equal(p->b.c.counters.losses, 0);
	pair_destroy(p);
}

// Renewed phase 1 and children go on through the NAT.
static void nat_renewal(void **state)
{
	struct nat nat = {.shift = 0};
	struct pair_config config = {
		.entry = " set peer " NAT_ADDR,
		.policies = "crypto isakmp policy 1\n encryption aes\n hash sha256\n"
			    " authentication pre-share\n group 19\n lifetime 60",
		.rest = "crypto ipsec security-association lifetime seconds 120",
	};
	struct pair *p = pair_create(&config, &config);

	(void)state;
	p->b.remote = NAT_ADDR;
	p->network = network_nat;
	p->arg = &nat;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	traffic_without_loss(p, 300);
	assert_int_equal(only_peer(&p->a)->local_port, 4500);
	pair_destroy(p);
}

static void nat_keepalive_is_sent(void **state)
{
	struct nat nat = {.shift = 20000};
	struct pair *p = pair_nat(&nat);
	unsigned before;

	(void)state;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	p->network = network_is_cut;
	before = p->a.c.dp->n_sent;
	ike1_nat_keepalive(&p->a.c, only_peer(&p->a));
	assert_int_equal(p->a.c.dp->n_sent, before + 1);
	assert_int_equal(p->a.c.dp->sent->len, 1);
	assert_int_equal(p->a.c.dp->sent->data[0], 0xff);
	assert_int_equal(p->a.c.dp->sent->dst_port, 4500);
	assert_false(p->a.c.dp->sent->marker);
	p->network = network_nat;
	pair_destroy(p);
}

// ---- DPD

static struct fake_datagram *last_sent(const struct side *s)
{
	struct fake_datagram *d = s->c.dp->sent;

	while (d && d->next)
		d = d->next;
	assert_non_null(d);
	return d;
}

// Item 15 and "proof of life": a fresh R-U-THERE is life once; the same datagram again is answered
// and is none; the same sequence in a new message is answered and is none either. Nothing is
// remembered of either.
static void hello_is_life_once(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct fake_datagram copy;
	struct ike_sa *sa;
	unsigned before, nodes;

	(void)state;
	pair_up(p);
	sa = side_sa(&p->a);
	nodes = side_sa(&p->b)->n_nodes;
	assert_true(sa->dpd_next < 0x80000000u);
	sa->dpd_run_first = sa->dpd_next;
	ike1_probe(&p->a.c, sa, "IKE_TIMER_IM_ALIVE");
	copy = *last_sent(&p->a);
	pair_settle(p);
	assert_int_equal(p->b.c.counters.hellos_received, 1);
	assert_int_equal(p->a.c.counters.acks_received, 1);
	assert_int_equal(p->b.c.counters.probes_answered, 1);

	before = p->b.c.dp->n_sent;
	side_receive(&p->b, &copy);
	pair_settle(p);
	assert_int_equal(p->b.c.dp->n_sent, before + 1);
	assert_int_equal(p->b.c.counters.hellos_received, 1);
	assert_int_equal(p->a.c.counters.acks_received, 1);

	sa->dpd_run_first = --sa->dpd_next;
	ike1_probe(&p->a.c, sa, "IKE_TIMER_IM_ALIVE");
	pair_settle(p);
	assert_int_equal(p->b.c.counters.hellos_received, 1);
	assert_int_equal(p->b.c.counters.probes_answered, 3);
	assert_int_equal(p->a.c.counters.acks_received, 2);
	assert_int_equal(side_sa(&p->b)->n_nodes, nodes);
	// Long after, when nobody remembers phase 1 any more.
	pair_pass(p, 300 * S);
	assert_null(side_sa(&p->b)->nodes);
	assert_null(sa->nodes);
	side_receive(&p->b, &copy);
	pair_settle(p);
	assert_int_equal(p->b.c.counters.hellos_received, 1);
	assert_int_equal(p->b.c.counters.probes_answered, 4);
	pair_destroy(p);
}

// Item 26 (RFC 3706, 6): the sequence rises with every message; any that is outstanding in this run
// is acknowledged, a late one of an earlier run is not.
static void acks_of_this_run(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct fake_datagram *d;
	struct ike_sa *sa;

	(void)state;
	pair_up(p);
	sa = side_sa(&p->a);
	sa->dpd_run_first = sa->dpd_next;
	sa->dpd_outstanding = 0;
	ike1_probe(&p->a.c, sa, "IKE_TIMER_IM_ALIVE");
	ike1_probe(&p->a.c, sa, "IKE_TIMER_PEERS_ALIVE");
	ike1_probe(&p->a.c, sa, "IKE_TIMER_PEERS_ALIVE");
	assert_int_equal(sa->dpd_outstanding, 3);
	// Only the first one arrives.
	d = fake_dp_take(p->a.c.dp);
	side_receive(&p->b, d);
	free(d);
	while ((d = fake_dp_take(p->a.c.dp)))
		free(d);
	p->network = network_loses_one;
	p->target = p->sent;
	pair_settle(p); // B's answer is lost
	assert_int_equal(p->a.c.counters.acks_received, 0);
	p->network = network_good;
	ike1_probe(&p->a.c, sa, "IKE_TIMER_PEERS_ALIVE");
	pair_settle(p);
	assert_int_equal(p->a.c.counters.acks_received, 1);
	assert_int_equal(sa->dpd_outstanding, 0);
	assert_int_equal(p->a.c.counters.acks_stale, 0);
	p->network = network_good;
	pair_destroy(p);
}

static unsigned network_keeps_acks(struct pair *p, struct fake_datagram *d, bool from_a)
{
	struct fake_datagram *kept = p->arg;

	if (from_a)
		return 1;
	*kept = *d;
	return 0;
}

static void stale_ack(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct fake_datagram kept = {0};
	struct ike_sa *sa;

	(void)state;
	pair_up(p);
	sa = side_sa(&p->a);
	p->network = network_keeps_acks;
	p->arg = &kept;
	sa->dpd_run_first = sa->dpd_next;
	ike1_probe(&p->a.c, sa, "IKE_TIMER_IM_ALIVE");
	pair_settle(p);
	assert_true(kept.len > 0);
	// Another run has begun when the answer comes at last.
	sa->dpd_run_first = sa->dpd_next;
	sa->dpd_outstanding = 0;
	p->network = network_is_cut;
	ike1_probe(&p->a.c, sa, "IKE_TIMER_IM_ALIVE");
	side_receive(&p->a, &kept);
	pair_settle(p);
	assert_int_equal(p->a.c.counters.acks_received, 0);
	assert_int_equal(p->a.c.counters.acks_stale, 1);
	assert_int_equal(sa->dpd_outstanding, 1);
	p->network = network_good;
	pair_destroy(p);
}

// Items 44-46.
static void probe_lines(void **state)
{
	static const char *const lines[] = {
		"IKE_DPD is enabled, initializing timers",
		"ISAKMP: set new node ",
		":SW:1): sending packet to 192.0.2.11 my_port 500 peer_port 500 (I) QM_IDLE",
		":SW:1):purging node ",
		"Input = IKE_MSG_FROM_TIMER, IKE_TIMER_IM_ALIVE",
		"Old State = IKE_P1_COMPLETE New State = IKE_P1_COMPLETE",
		"): received packet from 192.0.2.11 dport 500 sport 500 Global (I) QM_IDLE",
		"ISAKMP: set new node ",
		": processing HASH payload. message ID = ",
		": processing NOTIFY R_U_THERE_ACK protocol 1 spi 0, message ID = ",
		": DPD/R_U_THERE_ACK received from peer 192.0.2.11, sequence 0x",
		"error FALSE reason \"informational (in) state 1\"",
		"Input = IKE_MSG_FROM_PEER, IKE_INFO_NOTIFY",
		"Old State = IKE_P1_COMPLETE New State = IKE_P1_COMPLETE",
		NULL,
	};
	struct pair_config a = {.rest = "crypto isakmp keepalive 10 periodic"};
	struct pair *p = pair_create(&a, NULL);

	(void)state;
	pair_up(p);
	pair_pass(p, 30 * S);
	assert_true(side_logged_in_order(&p->a, lines));
	assert_int_equal(side_logged(&p->b, "IKE_DPD is enabled"), 0);
	assert_int_equal(p->b.c.counters.probes_sent, 0); // item 10
	pair_destroy(p);
}

// Items 12, 47, 48, 50.
static void death_lines(void **state)
{
	static const char *const lines[] = {
		"Input = IKE_MSG_FROM_TIMER, IKE_TIMER_IM_ALIVE",
		"incrementing error counter on sa: PEERS_ALIVE_TIMER",
		"ISAKMP: set new node ",
		": sending packet to 192.0.2.11 my_port 500 peer_port 500 (I) QM_IDLE",
		":purging node ",
		"Input = IKE_MSG_FROM_TIMER, IKE_TIMER_PEERS_ALIVE",
		"incrementing error counter on sa: PEERS_ALIVE_TIMER",
		"Input = IKE_MSG_FROM_TIMER, IKE_TIMER_PEERS_ALIVE",
		"incrementing error counter on sa: PEERS_ALIVE_TIMER",
		"Input = IKE_MSG_FROM_TIMER, IKE_TIMER_PEERS_ALIVE",
		"incrementing error counter on sa: PEERS_ALIVE_TIMER",
		"Input = IKE_MSG_FROM_TIMER, IKE_TIMER_PEERS_ALIVE",
		"incrementing error counter on sa: PEERS_ALIVE_TIMER",
		"peer 192.0.2.11 not responding!",
		"peer does not do paranoid keepalives.",
		"deleting SA reason \"peers alive\" state (I) QM_IDLE (peer 192.0.2.11) input "
		"queue 0",
		"%CRYPTO-5-SESSION_STATUS: Crypto tunnel is DOWN",
		"ISAKMP: set new node ",
		": sending packet to 192.0.2.11 my_port 500 peer_port 500 (I) QM_IDLE",
		":purging node ",
		"Input = IKE_MSG_FROM_TIMER, IKE_TIMER_PEERS_ALIVE",
		"Old State = IKE_P1_COMPLETE New State = IKE_DEST_SA",
		"deleting SA reason \"peers alive\" state (I) QM_IDLE (peer 192.0.2.11) input "
		"queue 0",
		"ISAKMP: Deleting peer node by peer_reap for 192.0.2.11: ",
		"error TRUE reason \"peers alive\"",
		"Input = IKE_MSG_INTERNAL, IKE_PHASE1_DEL",
		"Old State = IKE_DEST_SA New State = IKE_DEST_SA",
		"deleting SA reason \"\" state (I) MM_NO_STATE (peer 192.0.2.11) input queue 0",
		"error FALSE reason \"\"",
		"Input = IKE_MESG_FROM_PEER, IKE_MM_EXCH",
		"Old State = IKE_DEST_SA New State = IKE_DEST_SA",
		NULL,
	};
	struct pair_config a = {.rest = "crypto isakmp keepalive 10 periodic"};
	struct pair *p = pair_create(&a, NULL);

	(void)state;
	pair_up(p);
	pair_pass(p, 15 * S);
	p->network = network_is_cut;
	pair_pass(p, 25 * S);
	assert_int_equal(p->a.c.counters.deaths, 1);
	assert_true(side_logged_in_order(&p->a, lines));
	assert_null(side_peer(&p->a));
	p->network = network_good;
	pair_destroy(p);
}

// Saturation makes a death late and never false.
static void nothing_leaves_for_a_while(void **state)
{
	struct pair_config a = {.rest = "crypto isakmp keepalive 10 periodic"};
	struct pair *p = pair_create(&a, NULL);

	(void)state;
	pair_up(p);
	p->a.c.dp->send_full = true;
	pair_pass(p, 120 * S);
	assert_int_equal(p->a.c.counters.losses, 0);
	assert_int_equal(p->a.c.counters.deaths, 0);
	assert_in_range(p->a.c.counters.ike_unsent, 1000, 1200); // ten a second
	p->a.c.dp->send_full = false;
	pair_pass(p, 2 * S);
	assert_in_range(p->a.c.counters.acks_received, 1, 2); // late, and on schedule
	p->network = network_is_cut;
	pair_pass(p, 25 * S);
	assert_int_equal(p->a.c.counters.deaths, 1);
	p->network = network_good;
	pair_destroy(p);
}

// The way out is full when a peer is ended: it hears of it later, when all that was about it is
// gone here. It is not waited for without end.
static void deletes_wait(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair *p = pair_create(NULL, NULL);
		struct control *a = &p->a.c, *b = &p->b.c;

		pair_up(p);
		a->dp->send_full = true;
		teardown_peer(a, side_peer(&p->a));
		pair_pass(p, i == 0 ? 9 * S : 11 * S);
		assert_int_equal(a->peers.used, 0);
		assert_int_equal(a->ike_sas.used, 0);
		assert_int_equal(b->children.used, 1);
		assert_int_equal(a->outbox.n, i == 0 ? 2 : 0); // of ESP and of IKE
		assert_int_equal(a->counters.ike_unsent, i == 0 ? 0 : 2);
		a->dp->send_full = false;
		pair_pass(p, 2);
		assert_int_equal(b->children.used, i == 0 ? 0 : 1);
		assert_int_equal(a->outbox.n, 0);
		pair_destroy(p);
	}
}

// A probe that is due without a phase 1 starts one, and that is the answer.
static void probe_without_phase_1(void **state)
{
	struct pair_config a = {.rest = "crypto isakmp keepalive 10 periodic"};
	struct pair *p = pair_create(&a, NULL);

	(void)state;
	pair_up(p);
	p->network = network_is_cut;
	ike1_delete_sa(&p->a.c, side_sa(&p->a));
	ike_sa_destroy(&p->a.c, side_sa(&p->a));
	pair_settle(p);
	p->network = network_good;
	pair_pass(p, 60 * S);
	assert_non_null(side_sa(&p->a));
	assert_int_equal(p->a.c.counters.deaths, 0);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// With the domain, where there is one.
static void identity_is_a_name(void **state)
{
	static const struct {
		const char *rest, *id;
	} cases[] = {
		{"crypto isakmp identity hostname", "gw-a"},
		{"crypto isakmp identity hostname\nip domain name example.net", "gw-a.example.net"},
		{"ip domain-name example.net\ncrypto isakmp identity address", ADDR_A},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair_config config = {.rest = cases[i].rest};
		struct pair *p = pair_create(&config, NULL);
		char id[ADDR_TEXT];

		pair_up(p);
		assert_string_equal(peer_id(side_peer(&p->b), id), cases[i].id);
		assert_string_equal(peer_id(side_peer(&p->a), id), ADDR_B);
		pair_destroy(p);
	}
}

// What the configuration says of dummy packets holds for outbound SAs made from then on.
static void dummy_packets(void **state)
{
	static const struct {
		const char *rest, *entry;
		tick_t interval;
	} cases[] = {
		{NULL, NULL, 0},
		{"crypto ipsec security-association dummy seconds 3600", NULL, 3600 * S},
		{"crypto ipsec security-association dummy seconds 3600",
	         " set security-association dummy pps 3", 33},
		{"crypto ipsec security-association dummy pps 25",
	         " set security-association dummy pps 0", 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair_config a = {.rest = cases[i].rest, .entry = cases[i].entry};
		struct pair *p = pair_create(&a, NULL);
		struct fake_sa *sa = NULL;

		pair_up(p);
		side_packet(&p->a, &sa);
		assert_int_equal(sa->spec.dummy_interval, cases[i].interval);
		side_packet(&p->b, &sa);
		assert_int_equal(sa->spec.dummy_interval, 0);
		pair_destroy(p);
	}
}

// The window of inbound SAs is the entry's, or else the gateway's.
static void replay_windows(void **state)
{
	static const struct {
		const char *rest, *entry;
		uint32_t window;
	} cases[] = {
		{NULL, NULL, 64},
		{"crypto ipsec security-association replay window-size 1024", NULL, 1024},
		{"crypto ipsec security-association replay window-size 1024",
	         " set security-association replay window-size 512", 512},
		{NULL, " set security-association replay disable", 0},
		{"crypto ipsec security-association replay disable",
	         " set security-association replay window-size 128", 128},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair_config a = {.rest = cases[i].rest, .entry = cases[i].entry};
		struct pair *p = pair_create(&a, NULL);

		pair_up(p);
		assert_int_equal(fake_sa_at(p->a.c.dp, side_child(&p->a)->in)->spec.replay_window,
		                 cases[i].window);
		assert_int_equal(fake_sa_at(p->b.c.dp, side_child(&p->b)->in)->spec.replay_window,
		                 64);
		pair_destroy(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replay_windows),
		cmocka_unit_test(children_are_renewed),
		cmocka_unit_test(lifetimes_differ),
		cmocka_unit_test(phase_1_is_renewed),
		cmocka_unit_test(idle_phase_1_is_renewed_late),
		cmocka_unit_test(child_is_deleted),
		cmocka_unit_test(peer_is_cleared),
		cmocka_unit_test(initial_contact),
		cmocka_unit_test(nat_is_found),
		cmocka_unit_test(nat_changes_port),
		cmocka_unit_test(nat_changes_port_often),
		cmocka_unit_test(nat_renewal),
		cmocka_unit_test(nat_keepalive_is_sent),
		cmocka_unit_test(hello_is_life_once),
		cmocka_unit_test(acks_of_this_run),
		cmocka_unit_test(stale_ack),
		cmocka_unit_test(probe_lines),
		cmocka_unit_test(death_lines),
		cmocka_unit_test(nothing_leaves_for_a_while),
		cmocka_unit_test(deletes_wait),
		cmocka_unit_test(probe_without_phase_1),
		cmocka_unit_test(identity_is_a_name),
		cmocka_unit_test(dummy_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
