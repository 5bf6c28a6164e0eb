// An IKE SA ends, is refused on, or is left: what hangs on it goes on. Some peers (strongSwan) end
// children with their IKE SA and say nothing of them.
#include "pair.h"

#include <stdio.h>
#include <string.h>

#include "bounds.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike1/info.h"
#include "ike1/main_mode.h"
#include "isakmp.h"
#include "notify.h"
#include "peer_timers.h"

static bool is_exchange(const struct fake_datagram *d, enum isakmp_exchange exchange)
{
	return d->data[18] == exchange;
}

// B has forgotten its children.
static void forget_children(struct side *s)
{
	while (side_peer(s) && side_peer(s)->children)
		child_delete(&s->c, side_peer(s)->children, false, "test");
}

static void both_reach(struct pair *p)
{
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
}

// The operator clears the IKE SA: a new one comes at once, and new children on it.
static void cleared(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	uint32_t spi;

	(void)state;
	pair_up(p);
	pair_pass(p, 10 * S);
	spi = side_child(&p->a)->spi_out;
	forget_children(&p->b);
	on_ike_cleared(&p->a.c, side_sa(&p->a));
	pair_pass(p, S);
	both_reach(p);
	assert_int_not_equal(side_child(&p->a)->spi_out, spi);
	assert_int_equal(side_child(&p->a)->state, CHILD_LIVE);
	pair_pass(p, 20 * S);
	assert_int_equal(p->a.c.ike_sas.used, 1);
	assert_int_equal(p->a.c.children.used, 1);
	assert_int_equal(p->b.c.children.used, 1);
	pair_destroy(p);
}

// The peer has its children still: each is renewed once, not by both sides at the same time.
static void cleared_but_kept(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	pair_pass(p, 10 * S);
	on_ike_cleared(&p->a.c, side_sa(&p->a));
	pair_pass(p, 40 * S);
	both_reach(p);
	assert_int_equal(p->a.c.ike_sas.used, 1);
	assert_int_equal(p->a.c.children.used, 1);
	assert_int_equal(p->b.c.children.used, 1);
	pair_destroy(p);
}

// The peer deletes its IKE SA and says nothing of its children: nothing begins for that, but the
// next IKE SA brings new ones.
static void deleted_by_the_peer(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	pair_pass(p, 10 * S);
	forget_children(&p->b);
	ike1_delete_sa(&p->b.c, side_sa(&p->b));
	on_ike_ended(&p->b.c, side_sa(&p->b));
	pair_pass(p, 5 * S);
	assert_null(side_sa(&p->a));
	assert_int_equal(p->a.c.children.used, 1);
	on_tunnel_wanted(&p->a.c, side_peer(&p->a));
	pair_pass(p, S);
	both_reach(p);
	pair_destroy(p);
}

static unsigned network_stops_main_mode(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	(void)from_a;
	return is_exchange(d, ISAKMP_EXCHANGE_MAIN) ? 0 : 1;
}

// Phase 1 cannot be renewed before its lifetime ends.
static void outlived(void **state)
{
	static const struct pair_config short_life = {.policies = "crypto isakmp policy 10\n"
	                                                          " encryption aes 256\n"
	                                                          " hash sha256\n"
	                                                          " authentication pre-share\n"
	                                                          " group 19\n"
	                                                          " lifetime 60"};
	struct pair *p = pair_create(&short_life, &short_life);

	(void)state;
	pair_up(p);
	p->network = network_stops_main_mode;
	while (side_sa(&p->a) || side_sa(&p->b))
		pair_pass(p, S);
	forget_children(&p->b);
	pair_pass(p, 5 * S);
	p->network = network_good;
	for (unsigned seconds = 0; seconds < 40; seconds++) {
		side_packet(&p->a, NULL);
		pair_pass(p, S);
	}
	both_reach(p);
	assert_int_equal(p->a.c.children.used, 1);
	pair_destroy(p);
}

// No answer to quick modes, as if the IKE SA were forgotten; it is not.
struct silence {
	bool main_mode; // has come
	unsigned deletes;
};

static unsigned network_is_silent(struct pair *p, struct fake_datagram *d, bool from_a)
{
	struct silence *s = p->arg;

	s->main_mode = s->main_mode || is_exchange(d, ISAKMP_EXCHANGE_MAIN);
	if (from_a && is_exchange(d, ISAKMP_EXCHANGE_INFO) && !s->main_mode)
		s->deletes++;
	return is_exchange(d, ISAKMP_EXCHANGE_QUICK) && !s->main_mode ? 0 : 1;
}

// An IKE SA on which nothing is answered is given up, but with children it is not deleted before
// there is another, to which they go along.
static void given_up_later(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct silence silence = {0};
	uint8_t cookie[8];

	(void)state;
	pair_up(p);
	pair_pass(p, S);
	memcpy(cookie, side_sa(&p->a)->cookie_i, 8);
	p->network = network_is_silent;
	p->arg = &silence;
	child_rekey(&p->a.c, side_child(&p->a));
	for (unsigned i = 0; i < 60 && !silence.main_mode; i++) {
		side_packet(&p->a, NULL);
		pair_pass(p, S);
	}
	assert_true(side_logged(&p->a, "answers nothing on its IKE SA"));
	assert_true(silence.main_mode);
	assert_int_equal(silence.deletes, 0);
	pair_pass(p, 40 * S);
	assert_int_equal(p->a.c.ike_sas.used, 1);
	assert_int_equal(p->b.c.ike_sas.used, 1);
	assert_memory_not_equal(side_sa(&p->a)->cookie_i, cookie, 8);
	both_reach(p);
	pair_destroy(p);
}

// A's lines that B does not know, as many as are negotiated at once, are refused: what both know
// goes on, on the same IKE SA, whether or not the refusals say what they are about.
static void refused(void **state)
{
	static const struct pair_config more = {
		.rest = "access-list 101 permit ip 10.3.0.0 0.0.0.255 10.4.0.0 0.0.0.255\n"
			"access-list 101 permit ip 10.3.1.0 0.0.0.255 10.4.1.0 0.0.0.255\n"
			"access-list 101 permit ip 10.3.2.0 0.0.0.255 10.4.2.0 0.0.0.255\n"};
	struct pair *p = pair_create(&more, NULL);
	uint8_t cookie[8];
	struct flow *f;

	(void)state;
	for (f = p->a.c.entries->flows; f->selector.remote.addr.bytes[1] != 2;)
		f = f->next;
	fake_dp_packet(p->a.c.dp, f->tunnel, NULL);
	pair_pass(p, S);
	memcpy(cookie, side_sa(&p->a)->cookie_i, 8);
	for (unsigned seconds = 0; seconds < 60; seconds++) {
		for (f = p->a.c.entries->flows; f; f = f->next)
			fake_dp_packet(p->a.c.dp, f->tunnel, NULL);
		pair_pass(p, S / 2);
		info_notify(&p->b.c, side_sa(&p->b), 0, NOTIFY_INVALID_ID_INFORMATION, 0);
		pair_pass(p, S / 2);
	}
	assert_memory_equal(side_sa(&p->a)->cookie_i, cookie, 8);
	assert_false(side_logged(&p->a, "answers nothing"));
	assert_int_equal(p->a.c.children.used, 1);
	pair_destroy(p);
}

// A refusal names the quick mode, which ends at once.
static void refused_by_spi(void **state)
{
	static const struct pair_config other = {.set = "esp-3des esp-sha-hmac"};
	struct pair *p = pair_create(NULL, &other);

	(void)state;
	side_packet(&p->a, NULL);
	pair_pass(p, S / 2);
	assert_non_null(side_sa(&p->a));
	assert_int_equal(p->a.c.children.used, 0);
	assert_true(side_logged(&p->a, "the peer says NO_PROPOSAL_CHOSEN"));
	pair_destroy(p);
}

static unsigned network_loses_quick_mode(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	return from_a && is_exchange(d, ISAKMP_EXCHANGE_QUICK) ? 0 : 1;
}

// The peer ends the IKE SA that a quick mode waits on, having made another: it is begun again
// there, and nobody goes on to another peer.
static void moved(void **state)
{
	static const struct pair_config two = {.entry = " set peer 192.0.2.99"};
	struct pair *p = pair_create(&two, NULL);

	(void)state;
	p->network = network_loses_quick_mode;
	side_packet(&p->a, NULL);
	pair_pass(p, 8 * S);
	assert_non_null(side_sa(&p->a));
	on_tunnel_wanted(&p->b.c, side_peer(&p->b));
	p->network = network_good;
	pair_settle(p);
	assert_int_equal(p->a.c.ike_sas.used, 2);
	on_ike_ended(&p->a.c, side_peer(&p->a)->ike_sas->next);
	pair_pass(p, S);
	both_reach(p);
	assert_int_equal(p->a.c.counters.failovers, 0);
	pair_destroy(p);
}

static unsigned network_stops_5(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	return from_a && (d->data[19] & ISAKMP_FLAG_ENCRYPTED) ? 0 : 1;
}

// Who has no key leaves after message 4, again and again: others of the address get in, some
// seconds later.
static void left_after_4(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	p->network = network_stops_5;
	for (unsigned i = 0; i < HALF_OPEN_PER_ADDRESS; i++) {
		side_packet(&p->a, NULL);
		pair_pass(p, 1);
		pair_restart(p, &p->a, NULL);
	}
	assert_int_equal(p->b.c.half_open, HALF_OPEN_PER_ADDRESS);
	p->network = network_good;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_null(side_sa(&p->a));
	assert_true(p->b.c.counters.admissions_refused > 0);
	pair_pass(p, 5 * S);
	assert_non_null(side_sa(&p->a));
	both_reach(p);
	assert_true(p->b.c.half_open <= HALF_OPEN_PER_ADDRESS);
	pair_destroy(p);
}

// One of them is of a peer that packets wait for: when it has to go, this side begins.
static void left_while_wanted(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct ike_sa *sa;

	(void)state;
	p->network = network_stops_5;
	side_packet(&p->a, NULL);
	pair_pass(p, S / 8);
	side_packet(&p->b, NULL);
	pair_pass(p, S / 8);
	assert_true(side_peer(&p->b)->waiting != NULL);
	assert_int_equal(p->b.c.counters.negotiations_started, 1);
	pair_restart(p, &p->a, NULL);
	p->network = network_good;
	pair_pass(p, 4 * S);
	sa = ike_sa_dispensable(&p->b.c, NULL, NULL);
	assert_ptr_equal(sa, side_peer(&p->b)->ike_sas);
	main_mode_fail(&p->b.c, sa, "test");
	pair_pass(p, S);
	both_reach(p);
	pair_destroy(p);
}

// A peer that is up renews its IKE SA, whatever others of its address have begun.
static void has_its_place(void **state)
{
	struct fake_datagram d;
	struct pair *p;
	uint8_t msg[1024], cookie[8];
	size_t len;

	(void)state;
	pair_first_message(msg, &len);
	p = pair_create(NULL, NULL);
	pair_up(p);
	memcpy(cookie, side_sa(&p->b)->cookie_i, 8);
	p->network = network_stops_5;
	for (unsigned i = 0; i < 4; i++) { // from other ports, each goes as far as message 4
		d = pair_from_a(msg, len);
		d.data[3] = (uint8_t)i;
		d.src_port = (uint16_t)(2000 + i);
		side_receive(&p->b, &d);
	}
	pair_settle(p);
	assert_int_equal(p->b.c.half_open, 4);
	for (struct ike_sa *sa = p->b.c.strangers.oldest, *next; sa; sa = next) {
		next = sa->newer;
		ike_sa_set_state(&p->b.c, sa, IKE_R_MM3); // their third message came
	}
	p->network = network_good;
	on_tunnel_wanted(&p->a.c, side_peer(&p->a));
	pair_pass(p, S);
	assert_memory_not_equal(side_sa(&p->b)->cookie_i, cookie, 8);
	both_reach(p);
	pair_destroy(p);
}

// Message 3 is late, and meanwhile the volume of what it completes is nearly spent: there is a
// successor soon.
static void volume_before_message_3(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct child *ch;
	uint32_t spi;

	(void)state;
	pair_up(p);
	pair_pass(p, S);
	p->network = network_loses_one;
	p->target = p->sent + 2; // message 3
	child_rekey(&p->a.c, side_child(&p->a));
	pair_settle(p);
	ch = side_peer(&p->b)->children;
	assert_int_equal(ch->state, CHILD_NEGOTIATING);
	spi = ch->spi_in;
	on_child_volume(&p->b.c, ch, false);
	pair_pass(p, 12 * S);
	ch = side_child(&p->b);
	assert_int_not_equal(ch->spi_in, spi);
	assert_int_equal(ch->state, CHILD_LIVE);
	both_reach(p);
	pair_destroy(p);
}

static void wants(struct pair *p, unsigned seconds)
{
	for (; seconds; seconds--) {
		side_packet(&p->a, NULL);
		pair_pass(p, S);
	}
}

// B's Delete is lost, and A goes on encrypting to an SPI that B does not have any more. The IKE SA
// lives, so nothing else would show it; but what B has, or never had, is not touched.
static void unknown_spi(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	const struct peer *b;
	uint32_t spi;

	(void)state;
	pair_up(p);
	b = side_peer(&p->b);
	spi = side_child(&p->b)->spi_in;
	on_invalid_spi(&p->b.c, &b->local, &b->remote, 0, spi);
	on_invalid_spi(&p->b.c, &b->local, &b->remote, 0, spi + 1);
	pair_pass(p, S);
	assert_int_equal(p->a.c.children.used, 1);
	forget_children(&p->b);
	pair_pass(p, S);
	on_invalid_spi(&p->b.c, &b->local, &b->remote, 0, spi);
	pair_pass(p, S);
	assert_int_equal(p->a.c.children.used, 0);
	wants(p, 2);
	both_reach(p);
	pair_destroy(p);
}

// The same, told by a peer with a notify.
static void invalid_spi_notify(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	uint32_t spi;

	(void)state;
	pair_up(p);
	spi = side_child(&p->b)->spi_in;
	info_notify(&p->b.c, side_sa(&p->b), 0, NOTIFY_INVALID_SPI, spi + 1);
	info_notify(&p->b.c, side_sa(&p->b), 0, NOTIFY_INVALID_SPI, spi); // it may not have it yet
	pair_pass(p, 6 * S);
	assert_int_equal(p->a.c.children.used, 1);
	forget_children(&p->b);
	info_notify(&p->b.c, side_sa(&p->b), 0, NOTIFY_INVALID_SPI, spi);
	pair_pass(p, S);
	assert_int_equal(p->a.c.children.used, 0);
	pair_destroy(p);
}

// A peer that restarted in silence answers the renewal of phase 1 as if nothing had been. DPD on
// the new IKE SA would say that all is well.
static void restarted_responder(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	pair_restart(p, &p->b, NULL);
	on_tunnel_wanted(&p->a.c, side_peer(&p->a));
	pair_pass(p, S);
	assert_true(side_logged(&p->a, "NOTIFY INITIAL_CONTACT"));
	wants(p, 3);
	both_reach(p);
	assert_int_equal(p->a.c.children.used, 1);
	pair_destroy(p);
}

// Nobody answers on the IKE SA, and it is given up: whoever hung on it is renewed, not only the
// child for which it was tried.
static void all_are_renewed(void **state)
{
	static const char a_line[] =
		"access-list 101 permit ip 10.3.0.0 0.0.0.255 10.4.0.0 0.0.0.255",
			  b_line[] =
				  "access-list 101 permit ip 10.4.0.0 0.0.0.255 10.3.0.0 0.0.0.255";
	struct pair_config a = {.rest = a_line}, b = {.rest = b_line};
	struct pair *p = pair_create(&a, &b);
	uint32_t spis[2] = {0};
	struct flow *f;
	unsigned n = 0;

	(void)state;
	for (f = p->a.c.entries->flows; f; f = f->next)
		fake_dp_packet(p->a.c.dp, f->tunnel, NULL);
	pair_pass(p, S);
	assert_int_equal(p->a.c.children.used, 2);
	for (struct child *ch = side_peer(&p->a)->children; ch; ch = ch->next)
		spis[n++] = ch->spi_out;
	on_ike_unanswered(&p->a.c, side_sa(&p->a), p->a.c.now);
	pair_pass(p, 60 * S);
	assert_int_equal(p->a.c.children.used, 2);
	for (struct child *ch = side_peer(&p->a)->children; ch; ch = ch->next)
		assert_true(ch->spi_out != spis[0] && ch->spi_out != spis[1]);
	pair_destroy(p);
}

// One flow gets no answer, while ESP says that the peer has its children: they are left alone.
static void esp_says_that_they_live(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct fake_sa *sa;
	tick_t since;
	uint32_t spi;

	(void)state;
	pair_up(p);
	spi = side_child(&p->a)->spi_out;
	pair_pass(p, 10 * S);
	since = p->a.c.now;
	pair_pass(p, S);
	assert_true(side_packet(&p->b, &sa));
	assert_true(fake_dp_esp_in(p->a.c.dp, sa->spi));
	on_ike_unanswered(&p->a.c, side_sa(&p->a), since);
	pair_pass(p, 60 * S);
	assert_int_equal(side_child(&p->a)->spi_out, spi);
	pair_destroy(p);
}

static unsigned network_drops_3(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	return from_a && is_exchange(d, ISAKMP_EXCHANGE_QUICK) && d->len < 100 ? 0 : 1;
}

// A responder that gives a tunnel up after its message 2 says so: the initiator has it already.
static void half_a_tunnel(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	p->network = network_drops_3;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	assert_int_equal(p->a.c.children.used, 1);
	assert_int_equal(p->b.c.children.used, 1);
	p->network = network_good;
	child_delete(&p->b.c, side_peer(&p->b)->children, true, "test");
	pair_pass(p, S);
	assert_int_equal(p->a.c.children.used, 0);
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_spi),
		cmocka_unit_test(invalid_spi_notify),
		cmocka_unit_test(restarted_responder),
		cmocka_unit_test(all_are_renewed),
		cmocka_unit_test(esp_says_that_they_live),
		cmocka_unit_test(half_a_tunnel),
		cmocka_unit_test(cleared),
		cmocka_unit_test(cleared_but_kept),
		cmocka_unit_test(left_while_wanted),
		cmocka_unit_test(deleted_by_the_peer),
		cmocka_unit_test(outlived),
		cmocka_unit_test(given_up_later),
		cmocka_unit_test(refused),
		cmocka_unit_test(refused_by_spi),
		cmocka_unit_test(moved),
		cmocka_unit_test(left_after_4),
		cmocka_unit_test(has_its_place),
		cmocka_unit_test(volume_before_message_3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
