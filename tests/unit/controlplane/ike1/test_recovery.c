// Two gateways that disagree about what there is, because one of them forgot or a message was lost
// at a bad moment: they find together again.
#include "pair.h"

#include <stdio.h>
#include <string.h>

#include "flow.h"
#include "ike1/ike1.h"
#include "ike1/info.h"
#include "isakmp.h"
#include "notify.h"
#include "peer_timers.h"
#include "wheel.h"

// B restarts and says nothing, and nobody probes: the quick mode that is not answered shows it.
static void forgotten_ike_sa(void **state)
{
	static const struct pair_config with_dpd = {.rest = "crypto isakmp keepalive 10 2"};
	unsigned seconds;
	struct pair *p;

	(void)state;
	for (unsigned dpd = 0; dpd < 2; dpd++) {
		p = pair_create(dpd ? &with_dpd : NULL, dpd ? &with_dpd : NULL);
		pair_up(p);
		child_delete(&p->a.c, side_child(&p->a), true, "test");
		pair_pass(p, S);
		pair_restart(p, &p->b, NULL);
		for (seconds = 0; seconds < 60 && !side_reaches(&p->a, &p->b); seconds++) {
			side_packet(&p->a, NULL);
			pair_pass(p, S);
		}
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
		pair_pass(p, 10 * S);
		assert_int_equal(p->a.c.ike_sas.used, 1);
		assert_int_equal(p->a.c.counters.deaths, 0);
		pair_destroy(p);
	}
}

static unsigned network_drops_quick_1(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	return from_a && d->data[18] == ISAKMP_EXCHANGE_QUICK ? 0 : 1;
}

// A peer that does not answer a quick mode but does speak on the IKE SA has not forgotten it.
static void silent_about_one_tunnel(void **state)
{
	struct pair_config b = {.rest = "crypto isakmp keepalive 10 periodic"};
	struct pair *p = pair_create(NULL, &b);
	uint8_t cookie[8];

	(void)state;
	pair_up(p);
	memcpy(cookie, side_sa(&p->a)->cookie_i, 8);
	p->network = network_drops_quick_1;
	child_rekey(&p->a.c, side_child(&p->a));
	pair_pass(p, 40 * S);
	assert_int_equal(p->a.c.ike_sas.used, 1);
	assert_memory_equal(side_sa(&p->a)->cookie_i, cookie, 8);
	assert_true(side_reaches(&p->a, &p->b));
	p->network = network_good;
	pair_destroy(p);
}

static bool is_quick_3(const struct fake_datagram *d, bool from_a)
{
	return from_a && d->data[18] == ISAKMP_EXCHANGE_QUICK && d->len < 100;
}

static unsigned network_drops_a_quick_3(struct pair *p, struct fake_datagram *d, bool from_a)
{
	bool *dropped = p->arg;

	if (*dropped || !is_quick_3(d, from_a))
		return 1;
	*dropped = true;
	return 0;
}

// One of many third messages is lost: it is sent again however many quick modes ended since.
static void third_message_is_remembered(void **state)
{
	char a_lines[2048] = "", b_lines[2048] = "", line[100];
	struct pair_config a = {.rest = a_lines}, b = {.rest = b_lines};
	bool dropped = false;
	struct fake_sa *out;
	struct pair *p;
	struct flow *f;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(line, sizeof(line),
		         "access-list 101 permit ip 10.3.%u.0 0.0.0.255 10.4.%u.0 0.0.0.255\n", i,
		         i);
		strcat(a_lines, line);
		snprintf(line, sizeof(line),
		         "access-list 101 permit ip 10.4.%u.0 0.0.0.255 10.3.%u.0 0.0.0.255\n", i,
		         i);
		strcat(b_lines, line);
	}
	p = pair_create(&a, &b);
	pair_up(p);
	p->network = network_drops_a_quick_3;
	p->arg = &dropped;
	for (f = p->a.c.entries->flows; f; f = f->next)
		fake_dp_packet(p->a.c.dp, f->tunnel, NULL);
	pair_pass(p, 40 * S);
	assert_true(dropped);
	for (f = p->a.c.entries->flows; f; f = f->next) {
		assert_true(fake_dp_packet(p->a.c.dp, f->tunnel, &out));
		assert_true(fake_dp_esp_in(p->b.c.dp, out->spi));
	}
	assert_int_equal(p->b.c.children.used, 21);
	pair_destroy(p);
}

static unsigned network_drops_quick_3(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	return is_quick_3(d, from_a) ? 0 : 1;
}

// The responder that never gets it says so, and no half of a tunnel is left.
static void third_message_never_comes(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	p->network = network_drops_quick_3;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_int_equal(p->a.c.children.used, 1);
	pair_pass(p, 40 * S);
	assert_int_equal(p->b.c.children.used, 0);
	assert_int_equal(p->a.c.children.used, 0);
	p->network = network_good;
	pair_up(p);
	pair_destroy(p);
}

static void stop_expiry(const struct side *s)
{
	for (struct ike_sa *sa = side_peer(s)->ike_sas; sa; sa = sa->next)
		wheel_cancel((struct wheel *)(uintptr_t)&s->c.wheel, &sa->expire);
}

// In the midst of a run of probes the peer deletes the IKE SA that they go out on, and the one
// before takes over: its acknowledgements are of this run.
static void run_on_older_ike_sa(void **state)
{
	struct pair_config a = {.rest = "crypto isakmp keepalive 10 3 periodic"};
	struct pair *p = pair_create(&a, NULL);
	struct ike_sa *old;

	(void)state;
	pair_up(p);
	pair_pass(p, 35 * S);
	old = side_sa(&p->a);
	on_tunnel_wanted(&p->a.c, side_peer(&p->a));
	pair_settle(p);
	assert_ptr_not_equal(side_sa(&p->a), old);
	stop_expiry(&p->a);
	stop_expiry(&p->b);
	p->network = network_is_cut;
	while (side_peer(&p->a)->dpd.state != DPD_AGGRESSIVE)
		pair_pass(p, 1);
	pair_settle(p);
	p->network = network_good;
	ike1_delete_sa(&p->b.c, side_sa(&p->b));
	on_ike_ended(&p->b.c, side_sa(&p->b));
	pair_settle(p);
	assert_ptr_equal(side_sa(&p->a), old);
	pair_pass(p, 20 * S);
	assert_int_equal(p->a.c.counters.deaths, 0);
	assert_int_equal(p->a.c.counters.acks_stale, 0);
	pair_destroy(p);
}

// INITIAL-CONTACT on an IKE SA is about what was there before it.
static void late_initial_contact(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct ike_sa *old, *newer;
	struct info_message im;

	(void)state;
	pair_up(p);
	old = side_sa(&p->b);
	pair_pass(p, S);
	on_tunnel_wanted(&p->a.c, side_peer(&p->a));
	pair_settle(p);
	newer = side_sa(&p->a);
	assert_true(newer->next && newer->next->replaced);
	info_begin(&p->b.c, old, &im);
	notify_write_initial_contact(&im.m, old->cookie_i, old->cookie_r);
	assert_int_equal(info_send(&p->b.c, old, &im), 0);
	pair_settle(p);
	assert_true(side_logged(&p->a, "NOTIFY INITIAL_CONTACT"));
	assert_ptr_equal(side_sa(&p->a), newer);
	pair_pass(p, 5 * S);
	assert_non_null(side_sa(&p->a));
	assert_memory_equal(side_sa(&p->a)->cookie_i, side_sa(&p->b)->cookie_i, 8);
	pair_destroy(p);
}

static unsigned network_loses_first_of_b(struct pair *p, struct fake_datagram *d, bool from_a)
{
	static const uint8_t none[8];

	(void)p;
	return !from_a && memcmp(d->data + 8, none, 8) == 0 ? 0 : 1;
}

// Both begin, and the first message of one arrives when the other's phase 1 is complete: both keep
// the same IKE SA, whatever the cookies are.
static void late_first_message(void **state)
{
	struct pair *p;

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		p = pair_create(NULL, NULL);
		side_packet(&p->a, NULL);
		side_packet(&p->b, NULL);
		p->network = network_loses_first_of_b;
		pair_pass(p, S / 2);
		assert_non_null(side_sa(&p->a));
		p->network = network_good;
		pair_pass(p, 5 * S);
		assert_non_null(side_sa(&p->a));
		assert_non_null(side_sa(&p->b));
		assert_memory_equal(side_sa(&p->a)->cookie_i, side_sa(&p->b)->cookie_i, 8);
		assert_int_equal(p->a.c.ike_sas.used, 1);
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
		pair_destroy(p);
	}
}

// An error notify that names no SPI may be a copy of an older one: the real answer still wins.
static void error_without_spi(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	p->network = network_far;
	child_rekey(&p->a.c, side_child(&p->a));
	info_notify(&p->b.c, side_sa(&p->b), 0, NOTIFY_NO_PROPOSAL_CHOSEN, 0);
	pair_pass(p, S);
	assert_true(side_logged(&p->a, "NOTIFY NO_PROPOSAL_CHOSEN"));
	assert_int_equal(p->a.c.children.used, 2);
	assert_int_equal(p->b.c.children.used, 2);
	p->network = network_good;
	pair_destroy(p);
}

// Message 4 with another value of the responder, not a point of the curve.
static unsigned network_spoils_4(struct pair *p, struct fake_datagram *d, bool from_a)
{
	static const uint8_t none[8];
	unsigned *n = p->arg;

	if (!from_a && memcmp(d->data + 8, none, 8) != 0 && ++*n == 2)
		d->data[ISAKMP_HEADER + 10] ^= 1;
	return 1;
}

// What Diffie-Hellman refuses ends the negotiation at once: nobody waits for a timer.
static void bad_public_value(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	unsigned n = 0;

	(void)state;
	p->network = network_spoils_4;
	p->arg = &n;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_int_equal(p->a.c.counters.negotiations_failed, 1);
	for (unsigned i = 0; i < 5; i++) {
		side_packet(&p->a, NULL);
		pair_pass(p, S);
	}
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

static unsigned network_knows_b(struct pair *p, struct fake_datagram *d, bool from_a)
{
	struct ip_addr b;

	(void)p;
	addr_parse(ADDR_B, &b);
	return !from_a || addr_equal(&d->dst, &b) ? 1 : 0;
}

// Peers that answer nothing fill what may be under way: others wait for some seconds, not until the
// last repetition of those is over.
static void the_silent_make_room(void **state)
{
	struct pair_config a = {.rest = "crypto call admission limit ike in-negotiation-sa 10",
	                        .key = "crypto isakmp key s3cret address 0.0.0.0 0.0.0.0"};
	struct pair_config b = {.key = "crypto isakmp key s3cret address 0.0.0.0 0.0.0.0"};
	struct pair *p = pair_create(&a, &b);
	struct ip_addr local;
	unsigned seconds;

	(void)state;
	p->network = network_knows_b;
	addr_parse(ADDR_A, &local);
	for (uint32_t i = 0; i < 10; i++) {
		struct ip_addr silent = addr_v4(0xc0000264 + i);

		on_tunnel_wanted(&p->a.c, peer_get(&p->a.c, &local, &silent, 500));
	}
	pair_settle(p);
	assert_int_equal(p->a.c.half_open, 10);
	for (seconds = 0; seconds < 60 && !side_sa(&p->a); seconds++) {
		side_packet(&p->a, NULL);
		pair_pass(p, S);
	}
	assert_in_range(seconds, 3, 14);
	p->network = network_good;
	pair_pass(p, 40 * S);
	pair_destroy(p);
}

// The volume of a child that this side has begun is nearly spent before it has taken over: it does
// so, since what came on it shows that the peer has it, and is renewed.
static void volume_before_it_takes_over(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct child *ch;
	uint32_t spi;

	(void)state;
	pair_up(p);
	pair_pass(p, S);
	child_rekey(&p->a.c, side_child(&p->a));
	pair_settle(p);
	ch = side_peer(&p->a)->children;
	assert_int_equal(ch->state, CHILD_INBOUND);
	on_child_volume(&p->a.c, ch, false);
	assert_int_equal(ch->state, CHILD_LIVE);
	spi = ch->spi_in;
	pair_settle(p);
	assert_int_not_equal(side_peer(&p->a)->children->spi_in, spi); // its successor
	on_child_volume(&p->a.c, ch, true);
	assert_true(side_packet(&p->a, NULL)); // at once
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_packet(&p->b, NULL));
	assert_true(side_reaches(&p->b, &p->a));
	pair_destroy(p);
}

// One that replaces another for its volume takes over as early as that needs: of what had lasted
// for 32 seconds the rest lasts for two, at the same rate.
static void volume_sets_the_pace(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct child *ch;

	(void)state;
	pair_up(p);
	pair_pass(p, 32 * S);
	on_child_volume(&p->a.c, side_child(&p->a), false);
	pair_settle(p);
	ch = side_peer(&p->a)->children;
	assert_int_equal(ch->state, CHILD_INBOUND);
	pair_pass(p, S - 5);
	assert_int_equal(ch->state, CHILD_INBOUND);
	pair_pass(p, 10);
	assert_int_equal(ch->state, CHILD_LIVE);
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forgotten_ike_sa),
		cmocka_unit_test(silent_about_one_tunnel),
		cmocka_unit_test(third_message_is_remembered),
		cmocka_unit_test(third_message_never_comes),
		cmocka_unit_test(run_on_older_ike_sa),
		cmocka_unit_test(late_initial_contact),
		cmocka_unit_test(late_first_message),
		cmocka_unit_test(error_without_spi),
		cmocka_unit_test(bad_public_value),
		cmocka_unit_test(the_silent_make_room),
		cmocka_unit_test(volume_before_it_takes_over),
		cmocka_unit_test(volume_sets_the_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
