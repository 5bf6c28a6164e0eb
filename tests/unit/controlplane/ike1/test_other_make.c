// Peers that do otherwise than we would, as strongSwan does: it remembers few exchanges of an IKE
// SA, repeats only what it has sent last, and ends children with the IKE SA that it takes them for.
#include "pair.h"

#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "exchange.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike1/info.h"
#include "isakmp.h"
#include "notify.h"
#include "peer_timers.h"
#include "vendor.h"

#define FLOWS 20u

static char acl_a[128 * FLOWS], acl_b[128 * FLOWS];

static int make_lists(void **state)
{
	size_t a = (size_t)sprintf(acl_a, "ip access-list extended 101\n");
	size_t b = (size_t)sprintf(acl_b, "ip access-list extended 101\n");

	(void)state;
	for (unsigned i = 0; i < FLOWS; i++) {
		a += (size_t)sprintf(acl_a + a,
		                     " permit ip 10.10.%u.0 0.0.0.255 10.2.0.0 "
		                     "0.0.0.255\n",
		                     i);
		b += (size_t)sprintf(acl_b + b,
		                     " permit ip 10.2.0.0 0.0.0.255 10.10.%u.0 "
		                     "0.0.0.255\n",
		                     i);
	}
	return 0;
}

static struct pair *pair_many(void)
{
	struct pair_config a = {.acl = acl_a}, b = {.acl = acl_b};

	return pair_create(&a, &b);
}

static bool is_quick(const struct fake_datagram *d)
{
	return d->data[18] == ISAKMP_EXCHANGE_QUICK;
}

// Neither side says that it is ours.
static void hide_make(struct fake_datagram *d)
{
	static const uint8_t ours[] = {0xc0, 0x8f, 0x75, 0xd1};
	uint8_t *at = memmem(d->data, d->len, ours, sizeof(ours));

	if (at && d->data[18] == ISAKMP_EXCHANGE_MAIN)
		at[0] = 0;
}

static unsigned network_of_another_make(struct pair *p, struct fake_datagram *d, bool from_a)
{
	const struct ike_sa *sa = side_peer(&p->a) ? side_sa(&p->a) : NULL;

	(void)from_a;
	hide_make(d);
	if (sa)
		assert_true(exchange_count(sa, true) <= QUICK_MODES_OTHERS);
	return 1;
}

static void one_after_the_other(void **state)
{
	struct pair *p = pair_many();

	(void)state;
	p->network = network_of_another_make;
	side_packets(&p->a);
	pair_pass(p, 2 * S);
	assert_false(side_peer(&p->a)->takes_many);
	assert_int_equal(side_packets(&p->a), FLOWS);
	assert_int_equal(p->b.c.children.used, FLOWS);
	for (struct child *ch = side_child(&p->a); ch; ch = ch->next)
		child_rekey(&p->a.c, ch);
	pair_pass(p, 20 * S);
	assert_int_equal(p->a.c.children.used, FLOWS);
	assert_int_equal(p->b.c.children.used, FLOWS);
	pair_destroy(p);
}

// The first quick mode has no answer.
static unsigned network_ignores_one(struct pair *p, struct fake_datagram *d, bool from_a)
{
	static uint8_t id[4];

	hide_make(d);
	if (!from_a || !is_quick(d))
		return 1;
	if (p->target == 0)
		memcpy(id, d->data + 20, sizeof(id));
	p->target = 1;
	return memcmp(id, d->data + 20, sizeof(id)) != 0;
}

// The others wait for it a second, not until it is given up.
static void one_is_ignored(void **state)
{
	struct pair *p = pair_many();

	(void)state;
	p->network = network_ignores_one;
	p->target = 0;
	side_packets(&p->a);
	pair_pass(p, 3 * S);
	assert_int_equal(side_packets(&p->a), FLOWS - 1);
	assert_int_equal(side_peer(&p->a)->quick_late, 1);
	pair_pass(p, 60 * S);
	p->network = network_good;
	side_packets(&p->a);
	pair_pass(p, 2 * S);
	assert_int_equal(side_packets(&p->a), FLOWS);
	assert_int_equal(side_peer(&p->a)->quick_late, 0);
	pair_destroy(p);
}

// B refuses, and does not say what, as it has not read so far.
static unsigned network_refuses_all(struct pair *p, struct fake_datagram *d, bool from_a)
{
	unsigned *passes = p->arg;

	hide_make(d);
	if (from_a || d->data[18] != ISAKMP_EXCHANGE_INFO)
		return 1;
	if (*passes) {
		--*passes;
		return 1;
	}
	++*passes;
	info_notify(&p->b.c, side_sa(&p->b), 0, NOTIFY_INVALID_ID_INFORMATION, 0);
	return 0;
}

// Lines that the peer does not have, with traffic that never ends, before one that it has: it comes
// up, and is renewed.
static void many_are_refused(void **state)
{
	struct pair_config a = {.acl = acl_a};
	struct pair_config b = {.acl = "ip access-list extended 101\n permit ip 10.2.0.0 0.0.0.255 "
	                               "10.10.19.0 0.0.0.255\n"};
	struct pair *p = pair_create(&a, &b);
	unsigned passes = 0;
	uint32_t spi;

	(void)state;
	p->network = network_refuses_all;
	p->arg = &passes;
	for (unsigned i = 0; i < 30 && !p->b.c.children.used; i++) {
		side_packets(&p->a);
		pair_pass(p, S / 10);
	}
	assert_int_equal(p->b.c.children.used, 1);
	spi = side_child(&p->b)->spi_in;
	pair_pass(p, 20 * S);
	for (struct child *ch = side_child(&p->a); ch; ch = ch->next)
		if (ch->state == CHILD_LIVE)
			child_rekey(&p->a.c, ch);
	for (unsigned i = 0; i < 30; i++) {
		side_packets(&p->a);
		pair_pass(p, S / 10);
	}
	assert_int_not_equal(side_child(&p->b)->spi_in, spi);
	p->network = network_good;
	pair_pass(p, 30 * S);
	pair_destroy(p);
}

// What A sends last is lost once, and B never repeats its message 2.
static unsigned network_loses_3_alone(struct pair *p, struct fake_datagram *d, bool from_a)
{
	unsigned *n = p->arg;

	hide_make(d);
	if (!is_quick(d))
		return 1;
	n[from_a]++;
	return from_a ? n[1] != 2 : n[0] == 1;
}

static void third_message_again(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	unsigned n[2] = {0, 0};

	(void)state;
	p->network = network_loses_3_alone;
	p->arg = n;
	side_packet(&p->a, NULL);
	pair_pass(p, S / 2);
	assert_true(side_packet(&p->a, NULL)); // into nothing
	assert_false(side_reaches(&p->b, &p->a));
	pair_pass(p, S);
	assert_true(side_reaches(&p->b, &p->a));
	assert_true(side_reaches(&p->a, &p->b));
	assert_int_equal(n[1], 3);
	pair_pass(p, 60 * S); // and not for ever
	assert_true(n[1] <= 3 + 2);
	p->network = network_good;
	pair_destroy(p);
}

// Something comes from the peer: it has our last message.
static void third_message_has_arrived(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	unsigned sent;

	(void)state;
	p->network = network_of_another_make;
	side_packet(&p->a, NULL);
	pair_pass(p, S / 2);
	assert_int_not_equal(side_child(&p->a)->start->third, 0);
	assert_true(fake_dp_esp_in(p->a.c.dp, side_child(&p->a)->spi_in));
	sent = p->sent;
	pair_pass(p, 20 * S);
	assert_int_equal(p->sent, sent);
	assert_null(side_child(&p->a)->start);
	pair_destroy(p);
}

static unsigned begun(const struct side *s)
{
	return side_logged(s, "beginning Quick Mode exchange");
}

// The peer answers the copy with an error that does not say what it is about: the child, of which
// nothing is heard, is made anew, but once, as the peer may have it and have nothing to send.
static void third_message_unreadable(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	p->network = network_of_another_make;
	side_packet(&p->a, NULL);
	pair_pass(p, S + S / 2);
	assert_int_equal(side_child(&p->a)->start->thirds, 1);
	info_notify(&p->b.c, side_sa(&p->b), 0, NOTIFY_PAYLOAD_MALFORMED, 0);
	pair_pass(p, S / 2);
	assert_int_equal(begun(&p->a), 2);
	info_notify(&p->b.c, side_sa(&p->b), 0, NOTIFY_PAYLOAD_MALFORMED, 0);
	pair_pass(p, 30 * S);
	assert_int_equal(begun(&p->a), 2);
	assert_int_equal(p->a.c.children.used, 1);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// It says so a hundred times: its children are not looked through each time. Here that would end
// badly.
static void unreadable_without_end(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct child *newest, *before;

	(void)state;
	p->network = network_of_another_make;
	side_packet(&p->a, NULL);
	pair_pass(p, S + S / 2);
	info_notify(&p->b.c, side_sa(&p->b), 0, NOTIFY_PAYLOAD_MALFORMED, 0);
	pair_settle(p);
	newest = side_child(&p->a);
	before = newest->next;
	newest->next = (struct child *)1;
	for (unsigned i = 0; i < 100; i++)
		info_notify(&p->b.c, side_sa(&p->b), 0, NOTIFY_PAYLOAD_MALFORMED, 0);
	pair_settle(p);
	newest->next = before;
	pair_pass(p, 30 * S);
	assert_int_equal(begun(&p->a), 2);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// At a renewal the one before goes on: nothing is sent into what the peer may not have.
static void renewal_unreadable(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct child *old;
	uint32_t spi;

	(void)state;
	p->network = network_of_another_make;
	pair_up(p);
	pair_pass(p, 20 * S);
	old = side_child(&p->a);
	spi = old->spi_out;
	child_rekey(&p->a.c, old);
	pair_pass(p, S + S / 2);
	assert_int_equal(side_child(&p->a)->start->thirds, 1);
	info_notify(&p->b.c, side_sa(&p->b), 0, NOTIFY_PAYLOAD_MALFORMED, 0);
	pair_pass(p, 6 * S);
	assert_int_equal(p->a.c.children.used, 1);
	assert_ptr_equal(side_child(&p->a), old);
	assert_int_equal(old->state, CHILD_LIVE);
	assert_int_equal(old->spi_out, spi);
	for (unsigned i = 0; i < 60; i++) { // this peer had it, and has retired the one before
		side_packet(&p->a, NULL);
		pair_pass(p, S);
	}
	assert_int_not_equal(side_child(&p->a)->spi_out, spi);
	assert_int_equal(p->a.c.children.used, 1);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// Between two of our own the responder repeats its message 2, and nobody repeats more.
static void third_message_to_our_own(void **state)
{
	struct pair *p = pair_many();

	(void)state;
	side_packets(&p->a);
	pair_pass(p, 20 * S);
	assert_int_equal(p->a.c.children.used, FLOWS);
	assert_int_equal(p->b.c.counters.ike_unauthentic, 0);
	assert_null(side_child(&p->a)->start);
	pair_destroy(p);
}

// A child that came up a moment before phase 1 was renewed may be the old one's to the peer, and
// ends with that: it is made anew. One that is older has gone along.
static void young_when_phase_1_is_renewed(void **state)
{
	(void)state;
	for (unsigned young = 0; young < 2; young++) {
		struct pair *p = pair_create(NULL, NULL);

		pair_up(p);
		pair_pass(p, young ? 2 * S : 20 * S);
		side_forget_log(&p->a);
		assert_int_equal(ike1_initiate(&p->a.c, side_peer(&p->a)), 0);
		pair_pass(p, 10 * S);
		assert_int_equal(begun(&p->a), young);
		pair_pass(p, 20 * S);
		assert_int_equal(p->a.c.children.used, 1);
		assert_int_equal(p->a.c.ike_sas.used, 1);
		assert_true(side_reaches(&p->b, &p->a));
		pair_destroy(p);
	}
}

// The peer does not know which of two IKE SAs gives way, and makes a child on that one.
static void made_on_the_one_that_gives_way(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct ike_sa *old;
	struct child *ch;

	(void)state;
	pair_up(p);
	pair_pass(p, 20 * S);
	old = side_sa(&p->a);
	assert_int_equal(ike1_initiate(&p->a.c, side_peer(&p->a)), 0);
	pair_settle(p);
	side_forget_log(&p->b);
	ch = child_create(&p->a.c, side_peer(&p->a), side_child(&p->a)->flow, true);
	assert_int_equal(ike1_quick_initiate(&p->a.c, old, ch), 0);
	pair_pass(p, 2 * S);
	assert_int_equal(begun(&p->b), 1);
	pair_pass(p, 30 * S);
	assert_int_equal(p->a.c.ike_sas.used, 1);
	assert_int_equal(p->a.c.children.used, 1);
	assert_int_equal(p->b.c.children.used, 1);
	assert_true(side_reaches(&p->b, &p->a));
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(one_is_ignored),
		cmocka_unit_test(many_are_refused),
		cmocka_unit_test(third_message_again),
		cmocka_unit_test(third_message_has_arrived),
		cmocka_unit_test(third_message_unreadable),
		cmocka_unit_test(unreadable_without_end),
		cmocka_unit_test(renewal_unreadable),
		cmocka_unit_test(third_message_to_our_own),
		cmocka_unit_test(young_when_phase_1_is_renewed),
		cmocka_unit_test(made_on_the_one_that_gives_way),
	};

	return cmocka_run_group_tests_name("other_make", tests, make_lists, NULL);
}
