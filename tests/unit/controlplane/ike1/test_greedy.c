// A peer that has a key and wants too much: what one may take of the gateway is bounded, and a turn
// of the control core stays short whatever it sends.
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "flow.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renewed_without_end),
		cmocka_unit_test(crossing_without_end),
	};

	return cmocka_run_group_tests_name("greedy", tests, NULL, NULL);
}
