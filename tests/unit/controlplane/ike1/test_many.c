// Peers with a thousand flows between them, which all want a tunnel at the same moment: a bounded
// number of quick modes at a time, and no flow is forgotten.
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "exchange.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike1/info.h"
#include "isakmp.h"
#include "node.h"
#include "notify.h"
#include "peer_timers.h"
#include "teardown.h"

#define FLOWS 1000u

static char acl_a[128 * FLOWS], acl_b[128 * FLOWS];

static int make_lists(void **state)
{
	size_t a = (size_t)sprintf(acl_a, "ip access-list extended 101\n");
	size_t b = (size_t)sprintf(acl_b, "ip access-list extended 101\n");

	(void)state;
	for (unsigned i = 0; i < FLOWS; i++) {
		char net[64];

		snprintf(net, sizeof(net), "10.%u.%u.0 0.0.0.255", 10 + i / 250, i % 250);
		a += (size_t)sprintf(acl_a + a, " permit ip %s 10.2.0.0 0.0.0.255\n", net);
		b += (size_t)sprintf(acl_b + b, " permit ip 10.2.0.0 0.0.0.255 %s\n", net);
	}
	return 0;
}

static struct pair *pair_many(void)
{
	struct pair_config a = {.acl = acl_a, .rest = "crypto isakmp keepalive 10 periodic"};
	struct pair_config b = {.acl = acl_b, .rest = "crypto isakmp keepalive 10 periodic"};

	return pair_create(&a, &b);
}

static unsigned most_quick_modes(const struct side *s)
{
	const struct peer *p = side_peer(s);
	unsigned n = 0;

	for (const struct ike_sa *sa = p ? p->ike_sas : NULL; sa; sa = sa->next)
		n = exchange_count(sa, true) > n ? exchange_count(sa, true) : n;
	return n;
}

// What *arg says of 100 are lost.
static unsigned network_lossy(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)d;
	(void)from_a;
	assert_true(most_quick_modes(&p->a) <= QUICK_MODES_OURS);
	assert_true(most_quick_modes(&p->b) <= QUICK_MODES_OURS);
	return rand() % 100 >= *(int *)p->arg;
}

static void all_come_up(void **state)
{
	struct pair *p = pair_many();
	int loss = 0;

	(void)state;
	p->network = network_lossy;
	p->arg = &loss;
	assert_int_equal(side_packets(&p->a), 0);
	pair_pass(p, 2 * S);
	assert_int_equal(side_packets(&p->a), FLOWS);
	assert_int_equal(p->a.c.children.used, FLOWS);
	assert_int_equal(p->b.c.children.used, FLOWS);
	assert_null(side_peer(&p->a)->waiting);
	// Renewals wait for their turn as well.
	for (struct child *ch = side_child(&p->a); ch; ch = ch->next)
		child_rekey(&p->a.c, ch);
	pair_pass(p, 20 * S);
	assert_int_equal(side_packets(&p->a), FLOWS);
	assert_int_equal(p->a.c.children.used, FLOWS);
	assert_int_equal(p->b.c.children.used, FLOWS);
	pair_destroy(p);
}

static void with_losses(void **state)
{
	struct pair *p = pair_many();
	int loss = 10;
	unsigned n = 0;

	(void)state;
	srand(1);
	p->network = network_lossy;
	p->arg = &loss;
	for (unsigned i = 0; i < 120 && n < FLOWS; i++) {
		n = side_packets(&p->a);
		pair_pass(p, S);
	}
	assert_int_equal(n, FLOWS);
	loss = 0;
	pair_pass(p, S);
	pair_destroy(p);
}

// Until so many have passed.
static unsigned network_dies(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)d;
	(void)from_a;
	assert_true(most_quick_modes(&p->a) <= QUICK_MODES_OURS);
	return p->sent < p->target;
}

// Nobody answers any more while most of them still wait; then the peer is back.
static void peer_dies_in_between(void **state)
{
	struct pair *p = pair_many();
	unsigned n;

	(void)state;
	p->network = network_dies;
	p->target = 800;
	for (unsigned i = 0; i < 120; i++) {
		n = side_packets(&p->a);
		assert_true(n < FLOWS / 2);
		pair_pass(p, S);
	}
	assert_int_equal(n, 0);
	p->target = UINT32_MAX;
	for (n = 0; n < 60 && side_packets(&p->a) < FLOWS; n++)
		pair_pass(p, S);
	assert_true(n < 60);
	pair_destroy(p);
}

// The end of a peer with many children is told in few messages, the IKE SA's with them.
static void end_is_told(void **state)
{
	struct pair *p = pair_many();
	int loss = 0;
	unsigned sent;

	(void)state;
	p->network = network_lossy;
	p->arg = &loss;
	side_packets(&p->a);
	pair_pass(p, 2 * S);
	assert_int_equal(p->b.c.children.used, FLOWS);
	sent = p->a.c.dp->n_sent;
	teardown_peer(&p->a.c, side_peer(&p->a));
	assert_in_range(p->a.c.dp->n_sent - sent, 2, FLOWS / 64 + 2);
	pair_pass(p, S);
	assert_int_equal(p->b.c.children.used, 0);
	assert_int_equal(p->b.c.ike_sas.used, 0);
	assert_int_equal(p->b.c.peers.used, 0);
	pair_destroy(p);
}

static unsigned children_of(const struct peer *p)
{
	unsigned n = 0;

	for (const struct child *ch = p->children; ch; ch = ch->next)
		n++;
	return n;
}

// A peer with many children dies: no step ends more than some of them, each flow goes on, and all
// come up again with the same peer.
static void dies_in_steps(void **state)
{
	struct pair *p = pair_many();
	struct control *c = &p->a.c;
	unsigned left = FLOWS, n;
	struct peer *dead;
	int loss = 0;

	(void)state;
	p->network = network_lossy;
	p->arg = &loss;
	side_packets(&p->a);
	pair_pass(p, 2 * S);
	assert_int_equal(side_packets(&p->a), FLOWS);
	dead = side_peer(&p->a);
	teardown_by_dpd(c, dead);
	assert_null(side_sa(&p->a));
	do {
		n = children_of(dead);
		assert_in_range(left - n, 1, ENDS_AT_A_TIME);
		left = n;
	} while (teardown_step(c));
	assert_int_equal(left, FLOWS % ENDS_AT_A_TIME);
	assert_int_equal(c->counters.teardowns, 0); // the workers have them still
	for (n = 0; n < 60 && side_packets(&p->a) < FLOWS; n++)
		pair_pass(p, S);
	assert_int_equal(side_packets(&p->a), FLOWS);
	assert_int_equal(c->counters.teardowns, 1);
	pair_pass(p, 60 * S);
	assert_int_equal(c->children.used, FLOWS);
	assert_int_equal(p->b.c.children.used, FLOWS);
	assert_int_equal(c->peers.used, 1);
	pair_destroy(p);
}

// All up, and not so new that the peer may not know of them.
static struct pair *pair_many_up(void)
{
	static int loss;
	struct pair *p = pair_many();

	loss = 0;
	p->network = network_lossy;
	p->arg = &loss;
	side_packets(&p->a);
	pair_pass(p, 20 * S);
	assert_int_equal(side_packets(&p->a), FLOWS);
	return p;
}

// The list of a peer's children holds together, from the newest to the oldest.
static void check_list(const struct control *c, const struct peer *p)
{
	const struct child *ch, *newer = NULL;
	unsigned n = 0;

	for (ch = p->children; ch; ch = ch->next, n++) {
		if (newer) {
			assert_int_equal(ch->prev, newer->slab.index + 1);
			assert_false(tick_before(newer->created, ch->created));
		}
		newer = ch;
	}
	assert_int_equal(p->n_children, n);
	if (newer)
		assert_int_equal(p->children->prev, newer->slab.index + 1);
	assert_ptr_equal(child_oldest(c, p, c->now + 1), newer);
}

static bool is_told(uint32_t spi, const uint32_t *told, unsigned n)
{
	while (n--)
		if (told[n] == spi)
			return true;
	return false;
}

#define LOST 12u // as many as we put into a message

// A message names some SPIs that the peer does not know: those children end, and no others.
static void invalid_spis(void **state)
{
	struct pair *p = pair_many_up();
	struct peer *a = side_peer(&p->b);
	struct info_message im;
	uint32_t told[LOST + 2];
	unsigned n = 0, i = 0;

	(void)state;
	info_begin(&p->b.c, side_sa(&p->b), &im);
	for (struct child *ch = a->children; n < LOST; ch = ch->next)
		if (i++ % 7 == 0)
			told[n++] = ch->spi_in;
	told[n++] = 0x12345678; // never was there
	told[n++] = told[0];
	for (i = 0; i < n; i++)
		notify_write_plain(&im.m, NOTIFY_INVALID_SPI, told[i]);
	assert_int_equal(info_send(&p->b.c, side_sa(&p->b), &im), 0);
	pair_settle(p);
	assert_int_equal(p->a.c.children.used, FLOWS - LOST);
	for (struct child *ch = side_child(&p->a); ch; ch = ch->next)
		assert_false(is_told(ch->spi_out, told, n));
	check_list(&p->a.c, side_peer(&p->a));
	pair_destroy(p);
}

// What B has sent is taken by A, which does nothing else in this turn.
static void take_only(struct pair *p)
{
	struct fake_datagram *d;
	struct dp_view v;

	while ((d = fake_dp_take(p->b.c.dp))) {
		side_receive(&p->a, d);
		free(d);
		assert_int_equal(dp_punt_recv(p->a.c.dp, DP_PUNT_IKE_ESTABLISHED, &v, 1), 1);
		ike1_input(&p->a.c, &v);
		dp_punt_release(p->a.c.dp, &v, 1);
	}
}

// A peer with many children has started anew: they end in steps, and come up again.
static void started_anew(void **state)
{
	struct pair *p = pair_many_up();
	struct control *c = &p->a.c;
	unsigned left = FLOWS, n;

	(void)state;
	assert_int_equal(ike1_initiate(&p->b.c, side_peer(&p->b)), 0);
	pair_settle(p);
	on_initial_contact(c, side_sa(&p->a));
	for (struct child *ch = side_child(&p->a); ch; ch = ch->next) {
		child_rekey(c, ch);
		assert_false(ch->rekeying);
	}
	do {
		n = children_of(side_peer(&p->a));
		assert_in_range(left - n, 1, ENDS_AT_A_TIME);
		left = n;
		check_list(c, side_peer(&p->a));
	} while (teardown_step(c));
	assert_int_equal(children_of(side_peer(&p->a)), 0);
	for (n = 0; n < 60 && side_packets(&p->a) < FLOWS; n++)
		pair_pass(p, S);
	assert_int_equal(side_packets(&p->a), FLOWS);
	pair_pass(p, 60 * S);
	assert_int_equal(c->children.used, FLOWS);
	assert_int_equal(p->b.c.children.used, FLOWS);
	pair_destroy(p);
}

// A gateway that has started anew and is called by this one: all tunnels are made anew, without a
// packet.
static void called_anew(void **state)
{
	struct pair *p = pair_many_up();
	struct control *c = &p->a.c;
	tick_t from = fake_now;

	(void)state;
	assert_int_equal(ike1_initiate(c, side_peer(&p->a)), 0);
	pair_pass(p, 1);
	on_initial_contact(c, side_sa(&p->a));
	assert_int_equal(side_peer(&p->a)->quick_modes, ENDS_AT_A_TIME);
	pair_pass(p, 60 * S);
	assert_int_equal(side_packets(&p->a), FLOWS);
	for (struct child *ch = side_child(&p->a); ch; ch = ch->next)
		assert_true(tick_before(from, ch->created));
	pair_destroy(p);
}

static void send_contact(struct pair *p)
{
	struct ike_sa *sa = side_sa(&p->b);
	struct info_message im;

	info_begin(&p->b.c, sa, &im);
	notify_write_initial_contact(&im.m, sa->cookie_i, sa->cookie_r);
	assert_int_equal(info_send(&p->b.c, sa, &im), 0);
	take_only(p);
}

static void send_deletes(struct pair *p, const uint32_t *spis, unsigned n)
{
	struct info_message im;

	info_begin(&p->b.c, side_sa(&p->b), &im);
	delete_write_esps(&im.m, spis, n);
	assert_int_equal(info_send(&p->b.c, side_sa(&p->b), &im), 0);
	take_only(p);
}

// So it is when the peer deletes many with one message. They are not renewed meanwhile, and their
// peer may end before them.
static void deleted_in_steps(bool ends)
{
	struct pair *p = pair_many_up();
	struct control *c = &p->a.c;
	uint32_t spis[DELETE_SPIS_MAX];
	unsigned n = 0;

	for (struct child *ch = side_child(&p->b); n < DELETE_SPIS_MAX; ch = ch->next)
		spis[n++] = ch->spi_in;
	send_deletes(p, spis, n);
	assert_int_equal(children_of(side_peer(&p->a)), FLOWS - ENDS_AT_A_TIME);
	n = 0;
	for (struct child *ch = side_child(&p->a); ch; ch = ch->next) {
		if (!ch->ending)
			continue;
		n++;
		child_rekey(c, ch);
		assert_false(ch->rekeying);
	}
	assert_int_equal(n, DELETE_SPIS_MAX - ENDS_AT_A_TIME);
	if (ends)
		teardown_peer(c, side_peer(&p->a));
	while (teardown_step(c))
		;
	pair_pass(p, S);
	assert_int_equal(c->children.used, ends ? 0 : FLOWS - DELETE_SPIS_MAX);
	pair_destroy(p);
}

static void many_deleted(void **state)
{
	(void)state;
	deleted_in_steps(false);
	deleted_in_steps(true);
}

static unsigned network_loses_quick_mode(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	(void)from_a;
	return d->data[18] != ISAKMP_EXCHANGE_QUICK;
}

// No message that the peer may repeat asks for a walk over its children: here it would end badly.
static void nothing_walks(void **state)
{
	struct pair *p = pair_many_up();
	struct child *newest = side_child(&p->a), *after = newest->next;
	uint32_t unknown[2] = {0x12345678, 0x12345679};
	uint32_t known = side_child(&p->b)->next->next->spi_in;

	(void)state;
	newest->next = (struct child *)1;
	send_deletes(p, unknown, 2);
	send_deletes(p, &known, 1);
	send_contact(p); // about what is older than the IKE SA
	send_contact(p);
	newest->next = after;
	assert_int_equal(children_of(side_peer(&p->a)), FLOWS - 1);
	check_list(&p->a.c, side_peer(&p->a));
	pair_destroy(p);
}

// Nor does the end of its IKE SA; but all children are made anew on the next one.
static void end_walks_nowhere(void **state)
{
	struct pair *p = pair_many_up();
	struct child *newest = side_child(&p->a), *after = newest->next;
	tick_t from = fake_now;

	(void)state;
	newest->next = (struct child *)1;
	ike1_delete_sa(&p->b.c, side_sa(&p->b));
	take_only(p);
	newest->next = after;
	assert_null(side_sa(&p->a));
	pair_pass(p, 90 * S);
	assert_int_equal(side_packets(&p->a), FLOWS);
	for (struct child *ch = side_child(&p->a); ch; ch = ch->next)
		assert_true(tick_before(from, ch->created));
	pair_destroy(p);
}

// Nor does another phase 1 with a peer whose children are not young any more.
static void renewal_walks_nowhere(void **state)
{
	struct pair *p = pair_many_up();
	struct ike_sa *before = side_sa(&p->a);
	struct child *newest, *after;

	(void)state;
	pair_pass(p, 100 * S);
	newest = side_child(&p->a);
	after = newest->next;
	newest->next = (struct child *)1;
	assert_int_equal(ike1_initiate(&p->b.c, side_peer(&p->b)), 0);
	pair_settle(p);
	newest->next = after;
	assert_ptr_not_equal(side_sa(&p->a), before);
	pair_destroy(p);
}

// INITIAL-CONTACT is heeded once on an IKE SA: all that is older has gone by then.
static void contact_once(void **state)
{
	struct pair *p = pair_many_up();
	struct child *ch = side_child(&p->a);

	(void)state;
	send_contact(p);
	while (teardown_step(&p->a.c))
		;
	assert_int_equal(children_of(side_peer(&p->a)), FLOWS);
	while (ch->next)
		ch = ch->next;
	ch->created = side_sa(&p->a)->created - 1; // as it cannot be
	send_contact(p);
	assert_int_equal(children_of(side_peer(&p->a)), FLOWS);
	pair_destroy(p);
}

// A peer is cleared while more flows than end at a time wait, and as many are being negotiated:
// none of them goes on to another peer.
static void cleared_in_between(void **state)
{
	struct pair_config a = {.acl = acl_a, .entry = " set peer 192.0.2.99"};
	struct pair_config b = {.acl = acl_b};
	struct pair *p = pair_create(&a, &b);

	(void)state;
	p->network = network_loses_quick_mode;
	side_packets(&p->a);
	pair_pass(p, S / 2);
	assert_int_equal(side_peer(&p->a)->quick_modes, QUICK_MODES_OURS);
	assert_non_null(side_peer(&p->a)->waiting);
	teardown_peer(&p->a.c, side_peer(&p->a));
	while (teardown_step(&p->a.c))
		;
	pair_pass(p, S);
	assert_int_equal(p->a.c.counters.failovers, 0);
	p->network = network_good;
	pair_destroy(p);
}

// The first message 3 is lost.
static unsigned network_loses_a_third(struct pair *p, struct fake_datagram *d, bool from_a)
{
	static uint8_t id[4];

	if (!from_a || d->data[18] != ISAKMP_EXCHANGE_QUICK)
		return 1;
	if (p->target == 0) { // the first message 1
		memcpy(id, d->data + 20, sizeof(id));
		p->target = 1;
	} else if (memcmp(id, d->data + 20, sizeof(id)) == 0 && p->target++ == 1) {
		return 0;
	}
	return 1;
}

// However many quick modes come after it, a message 3 is remembered until nobody can ask for it any
// more.
static void third_message_among_many(void **state)
{
	struct pair *p = pair_many();

	(void)state;
	p->network = network_loses_a_third;
	p->target = 0;
	side_packets(&p->a);
	pair_pass(p, 3 * S);
	assert_true(p->target >= 3); // and was sent again
	assert_int_equal(side_packets(&p->a), FLOWS);
	for (struct child *ch = side_child(&p->b); ch; ch = ch->next)
		assert_int_equal(ch->state, CHILD_LIVE);
	pair_destroy(p);
}

// No more are begun than can be remembered: the others wait until the first need not be.
static void no_room_for_another_third_message(void **state)
{
	static const uint8_t hash[IKE_NODE_HASH];
	struct pair *p = pair_create(NULL, NULL);
	struct ike_sa *sa;

	(void)state;
	pair_up(p);
	pair_pass(p, S);
	sa = side_sa(&p->a);
	child_delete(&p->a.c, side_child(&p->a), true, "test");
	pair_settle(p);
	for (uint32_t id = 1; !node_is_full(&p->a.c, sa); id++) {
		assert_in_range(id, 1, IKE_NODES_LAST_MAX);
		node_add(&p->a.c, sa, id, hash, "", 1, true);
	}
	node_add(&p->a.c, sa, UINT32_MAX, hash, "", 1, false); // what else there is takes no place
	assert_true(node_is_full(&p->a.c, sa));
	assert_false(side_packet(&p->a, NULL));
	pair_pass(p, 28 * S);
	assert_false(side_packet(&p->a, NULL));
	pair_pass(p, 4 * S);
	assert_true(side_packet(&p->a, NULL));
	pair_destroy(p);
}

// No more tunnels come up than can be renewed, and they are.
static void renewals_in_a_full_table(void **state)
{
	struct pair *p = pair_many();
	struct control *a = &p->a.c;
	tick_t from;

	(void)state;
	a->max_sas = a->dp->max_sas = 24;
	a->sas_for_renewals = 8;
	side_packets(&p->a);
	pair_pass(p, 2 * S);
	assert_int_equal(side_packets(&p->a), 10);
	pair_pass(p, 30 * S);
	from = fake_now;
	for (struct child *ch = side_child(&p->a); ch; ch = ch->next)
		child_rekey(a, ch);
	for (unsigned i = 0; i < 120; i++) {
		pair_pass(p, S);
		assert_int_equal(side_packets(&p->a), 10);
	}
	for (struct child *ch = side_child(&p->a); ch; ch = ch->next)
		assert_false(tick_before(ch->created, from));
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_come_up),
		cmocka_unit_test(with_losses),
		cmocka_unit_test(peer_dies_in_between),
		cmocka_unit_test(end_is_told),
		cmocka_unit_test(dies_in_steps),
		cmocka_unit_test(invalid_spis),
		cmocka_unit_test(started_anew),
		cmocka_unit_test(called_anew),
		cmocka_unit_test(many_deleted),
		cmocka_unit_test(nothing_walks),
		cmocka_unit_test(end_walks_nowhere),
		cmocka_unit_test(renewal_walks_nowhere),
		cmocka_unit_test(contact_once),
		cmocka_unit_test(cleared_in_between),
		cmocka_unit_test(third_message_among_many),
		cmocka_unit_test(no_room_for_another_third_message),
		cmocka_unit_test(renewals_in_a_full_table),
	};

	return cmocka_run_group_tests_name("many", tests, make_lists, NULL);
}
