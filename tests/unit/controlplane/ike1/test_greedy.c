// A peer that has a key and wants too much: what one may take of the gateway is bounded, and a turn
// of the control core stays short whatever it sends.
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "flow.h"
#include "ike1/ike1.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renewed_without_end),
		cmocka_unit_test(crossing_without_end),
		cmocka_unit_test(phase_1_without_end),
		cmocka_unit_test(replaced_but_used),
	};

	return cmocka_run_group_tests_name("greedy", tests, NULL, NULL);
}
