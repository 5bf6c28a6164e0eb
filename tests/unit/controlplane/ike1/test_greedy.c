// A peer that has a key and wants too much: what one may take of the gateway is bounded, and a turn
// of the control core stays short whatever it sends.
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "dh_pool.h"
#include "exchange.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "teardown.h"

static struct flow *side_flow(struct side *s)
{
	return flow_of(&s->c, fake_dp_tunnel(s->c.dp));
}

// Quick modes for one flow without end: each replaces the one before, which stays for a while, but
// only so many do.
static void renewed_without_end(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	for (unsigned i = 0; i < 100; i++) {
		flow_negotiate(&p->a.c, side_flow(&p->a));
		pair_settle(p);
		assert_true(p->b.c.children.used <= CHILDREN_PER_FLOW);
		assert_true(fake_dp_live_sas(p->b.c.dp) <= 2 * CHILDREN_PER_FLOW);
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
	}
	// The peer has heard of each end, and keeps no more itself.
	assert_true(p->a.c.children.used <= CHILDREN_PER_FLOW);
	pair_pass(p, 20 * S);
	assert_int_equal(p->b.c.children.used, 1);
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
	pair_destroy(p);
}

// The same by both sides at once: their quick modes cross, time after time.
static void crossing_without_end(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	p->network = network_far;
	for (unsigned i = 0; i < 50; i++) {
		flow_negotiate(&p->a.c, side_flow(&p->a));
		flow_negotiate(&p->b.c, side_flow(&p->b));
		pair_pass(p, S / 2);
		assert_true(p->a.c.children.used <= CHILDREN_PER_FLOW);
		assert_true(p->b.c.children.used <= CHILDREN_PER_FLOW);
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
	}
	p->network = network_good;
	pair_pass(p, 40 * S);
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
	pair_destroy(p);
}

// Phase 1 without end: each replaces the one before, which stays for a while, but only so many do.
static void phase_1_without_end(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	for (unsigned i = 0; i < 30; i++) {
		assert_int_equal(ike1_initiate(&p->a.c, side_peer(&p->a)), 0);
		pair_settle(p);
		assert_true(p->a.c.ike_sas.used <= IKE_SAS_PER_PEER);
		assert_true(p->b.c.ike_sas.used <= IKE_SAS_PER_PEER);
	}
	assert_true(side_reaches(&p->a, &p->b));
	pair_pass(p, 10 * S);
	assert_int_equal(p->a.c.ike_sas.used, 1);
	assert_int_equal(p->b.c.ike_sas.used, 1);
	child_rekey(&p->a.c, side_child(&p->a));
	pair_pass(p, 20 * S);
	assert_int_equal(p->b.c.children.used, 1);
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
	pair_destroy(p);
}

// A quick mode on this IKE SA of which only the first message is ever sent.
static void half_a_quick_mode(struct side *s, struct ike_sa *sa)
{
	struct child *ch = child_create(&s->c, sa->peer, side_flow(s), true);

	assert_non_null(ch);
	assert_int_equal(ike1_quick_initiate(&s->c, sa, ch), 0);
	child_delete(&s->c, ch, false, "test");
}

// The peer begins quick modes on an IKE SA that was replaced: for a moment it may, but they do not
// keep that IKE SA for ever.
static void replaced_but_used(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct ike_sa *old;
	struct handle h;

	(void)state;
	pair_up(p);
	pair_pass(p, 20 * S); // its child is no more one that the peer may not have
	old = side_sa(&p->a);
	h = slab_handle(old);
	assert_int_equal(ike1_initiate(&p->a.c, side_peer(&p->a)), 0);
	pair_settle(p);
	assert_int_equal(p->b.c.ike_sas.used, 2);
	wheel_cancel(&p->a.c.wheel, &old->expire);
	pair_pass(p, 2 * S);
	half_a_quick_mode(&p->a, old);
	pair_settle(p);
	assert_int_equal(p->b.c.children.used, 2);
	for (unsigned i = 0; i < 70 && slab_get(&p->a.c.ike_sas, h) == old; i++) {
		assert_int_equal(p->b.c.ike_sas.used, 2);
		half_a_quick_mode(&p->a, old);
		pair_pass(p, S);
	}
	assert_null(slab_get(&p->a.c.ike_sas, h)); // it was told of the end
	assert_int_equal(p->b.c.ike_sas.used, 1);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// ---- the line for Diffie-Hellman: A is a peer that has an IKE SA and wants more without end, and
// plays another one as well, whose phase 1 is the one with this cookie.
#define OTHER "192.0.2.77"

static uint8_t cookie_of_other[8];

static unsigned network_of_two(struct pair *p, struct fake_datagram *d, bool from_a)
{
	if (memcmp(d->data, cookie_of_other, sizeof(cookie_of_other)) == 0)
		addr_parse(from_a ? OTHER : p->a.local, from_a ? &d->src : &d->dst);
	return 1;
}

static unsigned under_way(const struct side *s)
{
	unsigned n = 0;

	for (const struct ike_sa *sa = side_peer(s)->ike_sas; sa; sa = sa->next)
		n += sa->state < IKE_P1_COMPLETE &&
		     memcmp(sa->cookie_i, cookie_of_other, sizeof(cookie_of_other)) != 0;
	return n;
}

static void keep_under_way(struct side *s, unsigned n)
{
	while (under_way(s) < n)
		assert_int_equal(ike1_initiate(&s->c, side_peer(s)), 0);
}

// Ten turns a second, and so many phase 1s of one peer at a time: another one is up soon.
static void others_have_turns(unsigned greed, bool settled)
{
	struct pair_config b = {.entry = "exit\nno crypto map m 1\n"
	                                 "crypto dynamic-map dyn 10\n set transform-set ts\n"
	                                 "crypto map m 65000 ipsec-isakmp dynamic dyn",
	                        .rest = "crypto call admission limit ike rate 10"};
	struct pair *p = pair_create(NULL, &b);
	struct ip_addr local, other;
	struct peer *second = NULL;
	unsigned ticks;

	memset(cookie_of_other, 0, sizeof(cookie_of_other));
	addr_parse(ADDR_B, &local);
	addr_parse(OTHER, &other);
	pair_up(p);
	pair_pass(p, settled ? 60 * S : S);
	p->network = network_of_two;
	for (ticks = 0; ticks < 2 * S; ticks++) {
		keep_under_way(&p->a, greed);
		pair_pass(p, 1);
	}
	assert_int_equal(ike1_initiate(&p->a.c, side_peer(&p->a)), 0);
	memcpy(cookie_of_other, side_peer(&p->a)->ike_sas->cookie_i, sizeof(cookie_of_other));
	for (ticks = 0; ticks < 3 * S && !(second && peer_ike_sa(second)); ticks++) {
		keep_under_way(&p->a, greed);
		pair_pass(p, 1);
		second = peer_find(&p->b.c, &local, &other, 500);
	}
	assert_true(second && peer_ike_sa(second));
	p->network = network_good;
	pair_destroy(p);
}

static void renewals_keep_nobody_out(void **state)
{
	(void)state;
	others_have_turns(2, false);
	others_have_turns(2, true);
	others_have_turns(60, true);
}

// ---- quick modes with PFS

#define GREED 50u // quick modes at the same moment

static struct fake_datagram flight[GREED];
static unsigned n_flight;

static unsigned network_keeps(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	if (from_a && n_flight < GREED)
		flight[n_flight++] = *d;
	return 0;
}

// B takes what has come, and does not look after its helpers.
static void take_all(struct side *s)
{
	struct dp_view views[16];
	unsigned n;

	while ((n = dp_punt_recv(s->c.dp, DP_PUNT_IKE_ESTABLISHED, views, 16))) {
		for (unsigned i = 0; i < n; i++)
			ike1_input(&s->c, &views[i]);
		dp_punt_release(s->c.dp, views, n);
	}
}

static void more_helpers(struct side *s)
{
	dh_pool_destroy(s->c.dh);
	s->c.dh = dh_pool_create(1, 4 * ADMIT_AHEAD);
	assert_non_null(s->c.dh);
}

// Two sides with PFS and helpers as in earnest; A's first messages of many quick modes are kept.
static struct pair *pair_of_greed(void)
{
	struct pair_config pfs = {.entry = " set pfs group19"};
	struct pair *p = pair_create(&pfs, &pfs);
	struct child *ch;

	more_helpers(&p->a);
	more_helpers(&p->b);
	pair_up(p);
	pair_pass(p, S);
	p->network = network_keeps;
	n_flight = 0;
	for (unsigned i = 0; i < GREED; i++) {
		ch = child_create(&p->a.c, side_peer(&p->a), side_flow(&p->a), true);
		assert_non_null(ch);
		assert_int_equal(ike1_quick_initiate(&p->a.c, side_sa(&p->a), ch), 0);
	}
	pair_settle(p);
	assert_int_equal(n_flight, GREED);
	return p;
}

// All of them come up, though not at once.
static void all_succeed(struct pair *p)
{
	p->a.c.log.debug_ipsec = true;
	p->network = network_good;
	pair_pass(p, 30 * S);
	assert_int_equal(exchange_count(side_sa(&p->a), true), 0);
	assert_int_equal(side_logged(&p->a, "negotiation failed"), 0);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// A peer does not fill the helpers' queue, which costs it nothing: others would not come up.
static void dh_of_one_is_bounded(void **state)
{
	struct pair *p = pair_of_greed();

	(void)state;
	for (unsigned i = 0; i < GREED; i++)
		side_receive(&p->b, &flight[i]);
	take_all(&p->b);
	assert_int_equal(dh_pool_pending(p->b.c.dh), QUICK_MODES_IN_DH);
	assert_int_equal(p->b.c.counters.admissions_delayed, GREED - QUICK_MODES_IN_DH);
	assert_int_equal(p->b.c.counters.ike_refused, 0);
	all_succeed(p);
}

// Nor do all peers together: half of what phase 1 may have is left to it. But phase 1 does not
// take theirs: tunnels of living peers would not be renewed.
static void dh_is_left_to_phase_1(void **state)
{
	const struct dh_job job = {.kind = DH_GENERATE, .key.group = 19};
	struct pair *p = pair_of_greed();
	unsigned pending = ADMIT_AHEAD_QUICK + 8;

	(void)state;
	while (dh_pool_pending(p->b.c.dh) < pending)
		assert_int_equal(dh_pool_submit(p->b.c.dh, &job), 0);
	p->b.c.quick_in_dh += ADMIT_AHEAD_QUICK - 1; // of other peers
	side_receive(&p->b, &flight[0]);
	side_receive(&p->b, &flight[1]);
	take_all(&p->b);
	assert_int_equal(dh_pool_pending(p->b.c.dh), pending + 1);
	p->b.c.quick_in_dh -= ADMIT_AHEAD_QUICK - 1;
	all_succeed(p);
}

// ---- the tables: B takes any peer, and names one that is not there

#define LINES 100u

static struct pair *pair_any_peer(const char *limits)
{
	static char acl[128 * LINES], rest[256];
	size_t len = (size_t)sprintf(acl, "ip access-list extended 101\n");
	struct pair_config a = {.acl = acl}, b = {.rest = rest};

	for (unsigned i = 0; i < LINES; i++)
		len += (size_t)sprintf(acl + len, " permit ip host 10.1.0.%u host 10.2.0.1\n", i);
	snprintf(rest, sizeof(rest),
	         "access-list 102 permit ip 10.8.0.0 0.0.0.255 10.9.0.0 "
	         "0.0.0.255\n%s",
	         limits);
	b.entry = "exit\nno crypto map m 1\n"
		  "crypto map m 2 ipsec-isakmp\n set peer " OTHER "\n set transform-set ts\n"
		  " match address 102\n"
		  "crypto dynamic-map dyn 10\n set transform-set ts\n"
		  "crypto map m 65000 ipsec-isakmp dynamic dyn";
	return pair_create(&a, &b);
}

static struct flow *line_of_named(const struct side *s)
{
	struct flow *f = s->c.entries->flows;

	assert_false(f->entry->any_peer);
	return f;
}

// A host behind A sends by each of its lines.
static void all_send(struct side *s)
{
	for (uint32_t i = 0; i < FAKE_TUNNELS; i++) {
		const struct fake_tunnel *t = &s->c.dp->tunnels[i];

		if (t->used)
			fake_dp_packet(s->c.dp, (struct handle){i, t->generation}, NULL);
	}
}

// One peer does not get all the tunnels that there may be, nor do all that nobody names.
static void tunnels_are_left_to_others(void **state)
{
	struct pair *p = pair_any_peer("crypto call admission limit ipsec sa 200");
	struct control *c = &p->b.c;
	struct peer other = {0};
	struct flow *f;

	(void)state;
	all_send(&p->a);
	pair_pass(p, 10 * S);
	assert_int_equal(side_peer(&p->b)->n_children, ANY_PEER_PAIRS);
	assert_true(c->counters.admissions_refused > 0);
	f = side_child(&p->b)->flow;
	assert_true(child_may_be_proposed(c, side_peer(&p->b), f)); // a renewal
	f->child = NULL;
	assert_false(child_may_be_proposed(c, side_peer(&p->b), f));
	assert_true(child_may_be_proposed(c, &other, f));
	// As if others had all but the part that is left.
	c->children.used += 100 - ANY_PEER_PAIRS - 100 / ANY_PEER_PART;
	assert_false(child_may_be_proposed(c, &other, f));
	assert_true(child_is_admitted(c, line_of_named(&p->b)));
	c->children.used--;
	assert_true(child_may_be_proposed(c, &other, f));
	c->children.used -= 100 - ANY_PEER_PAIRS - 100 / ANY_PEER_PART - 1;
	f->child = side_child(&p->b);
	pair_destroy(p);
}

// Those that nobody names do not take the last places for peers either.
static void places_are_left_to_named(void **state)
{
	struct ip_addr local, remote;
	struct fake_datagram d;
	uint8_t first[1024];
	struct peer *last = NULL;
	struct control *c;
	struct pair *p;
	size_t len;

	(void)state;
	pair_first_message(first, &len);
	p = pair_any_peer("");
	c = &p->b.c;
	c->peers.limit = 2 * PEERS_NAMED_PART;
	addr_parse(ADDR_B, &local);
	for (unsigned i = 1; i < c->peers.limit; i++) {
		remote = addr_v4(0xc6336400 + i); // 198.51.100.0
		last = peer_get(c, &local, &remote, 500);
		assert_non_null(last);
	}
	side_packet(&p->a, NULL);
	pair_pass(p, 2 * S);
	assert_null(side_peer(&p->b));
	assert_true(side_logged(&p->b, "the table of peers is full"));
	assert_true(c->counters.admissions_refused > 0);
	d = pair_from_a(first, len);
	addr_parse(OTHER, &d.src);
	side_receive(&p->b, &d);
	pair_settle(p);
	assert_non_null(peer_find(c, &local, &d.src, 500));
	ike_sa_evict_stranger(c);
	peer_release(c, last);
	pair_pass(p, 20 * S);
	assert_non_null(side_sa(&p->b));
	pair_destroy(p);
}

// ---- the log

#define ROUNDS 100u

// Tunnels that come and go without end are told of a few times, and then how often they did. A
// death is told of all the same.
static void log_is_left_to_others(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	pair_pass(p, PEER_LOG_WITHIN * S);
	side_forget_log(&p->b);
	p->b.c.log.debug_isakmp = false;
	for (unsigned i = 0; i < ROUNDS; i++) {
		child_delete(&p->a.c, side_child(&p->a), true, "test");
		pair_settle(p);
		assert_int_equal(p->b.c.children.used, 0);
		flow_acquire(&p->a.c, side_flow(&p->a));
		pair_settle(p);
		assert_int_equal(p->b.c.children.used, 1);
	}
	assert_int_equal(side_logged(&p->b, "SESSION_STATUS"), PEER_LOG_LINES);
	assert_int_equal(side_logged(&p->b, "more of them are not logged"), 1);
	assert_int_equal(p->b.n_lines, PEER_LOG_LINES + 1);
	pair_pass(p, PEER_LOG_WITHIN * S);
	side_forget_log(&p->b);
	child_delete(&p->a.c, side_child(&p->a), true, "test");
	pair_settle(p);
	assert_int_equal(side_logged(&p->b, "192 messages about peer 192.0.2.1:500 were not"), 1);
	assert_int_equal(side_logged(&p->b, "SESSION_STATUS: Crypto tunnel is DOWN"), 1);
	for (unsigned i = 0; i < PEER_LOG_LINES; i++) {
		flow_acquire(&p->a.c, side_flow(&p->a));
		pair_settle(p);
		child_delete(&p->a.c, side_child(&p->a), true, "test");
		pair_settle(p);
	}
	flow_acquire(&p->a.c, side_flow(&p->a));
	pair_settle(p);
	side_forget_log(&p->b);
	teardown_by_dpd(&p->b.c, side_peer(&p->b));
	pair_pass(p, S);
	assert_int_equal(side_logged(&p->b, "SESSION_STATUS: Crypto tunnel is DOWN"), 1);
	assert_int_equal(side_logged(&p->b, "were not logged"), 1);
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renewed_without_end),
		cmocka_unit_test(crossing_without_end),
		cmocka_unit_test(phase_1_without_end),
		cmocka_unit_test(replaced_but_used),
		cmocka_unit_test(renewals_keep_nobody_out),
		cmocka_unit_test(dh_of_one_is_bounded),
		cmocka_unit_test(dh_is_left_to_phase_1),
		cmocka_unit_test(tunnels_are_left_to_others),
		cmocka_unit_test(places_are_left_to_named),
		cmocka_unit_test(log_is_left_to_others),
	};

	return cmocka_run_group_tests_name("greedy", tests, NULL, NULL);
}
