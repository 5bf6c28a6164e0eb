// Whether a peer lives, where that is in doubt: half of it seems to speak, or somebody speaks in
// its place.
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "apply.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike1_message.h"
#include "isakmp.h"
#include "peer_timers.h"
#include "static_routes.h"
#include "vendor.h"

#define PERIODIC "crypto isakmp keepalive 10 2 periodic"

static bool is_phase_1(const struct fake_datagram *d, bool encrypted)
{
	return d->data[18] == ISAKMP_EXCHANGE_MAIN &&
	       !!(d->data[19] & ISAKMP_FLAG_ENCRYPTED) == encrypted;
}

static void hide_dpd(struct fake_datagram *d)
{
	static const uint8_t dpd[] = {0xaf, 0xca, 0xd7, 0x13};
	uint8_t *at = memmem(d->data, d->len, dpd, sizeof(dpd));

	if (at)
		at[0] ^= 1;
}

// Message 5 as A would have sent it with the vendor ID in it, and a payload for private use.
static void add_dpd(struct pair *p, struct fake_datagram *d)
{
	struct ike_sa *a = side_peer(&p->a)->ike_sas, *b = side_peer(&p->b)->ike_sas;
	uint8_t plain[1024], next_iv[IKE_BLOCK_MAX], iv[IKE_BLOCK_MAX];
	struct isakmp_header h;
	struct isakmp_chain chain;
	struct isakmp_message m;
	int len;

	assert_int_equal(isakmp_header_read(d->data, d->len, &h), 0);
	assert_int_equal(ike1_message_open(p->b.c.crypto, &b->suite, &b->keys, b->keys.iv, next_iv,
	                                   &h, d->data, plain, sizeof(plain), &chain),
	                 0);
	isakmp_message_begin(&m, d->data, sizeof(d->data), &h);
	for (unsigned i = 0; i < chain.count; i++)
		isakmp_payload_put(&m, chain.payloads[i].type, chain.payloads[i].body,
		                   chain.payloads[i].len);
	vendor_write(&m, VENDOR_DPD);
	isakmp_payload_put(&m, ISAKMP_PRIVATE, "\0\0\0\0", 4);
	memcpy(iv, b->keys.iv, sizeof(iv));
	len = ike1_message_seal(p->b.c.crypto, &b->suite, &b->keys, iv, &m);
	assert_true(len > 0);
	d->len = (uint16_t)len;
	memcpy(a->keys.iv, iv, sizeof(iv)); // message 6 goes on from here
}

static unsigned network_tells_late(struct pair *p, struct fake_datagram *d, bool from_a)
{
	if (from_a && is_phase_1(d, false))
		hide_dpd(d);
	else if (from_a && is_phase_1(d, true))
		add_dpd(p, d);
	return 1;
}

// Some say only in their last message of phase 1 that they do DPD.
static void vendor_id_in_message_5(void **state)
{
	struct pair_config b = {.rest = PERIODIC};
	struct pair *p = pair_create(NULL, &b);

	(void)state;
	p->network = network_tells_late;
	side_packet(&p->a, NULL);
	pair_pass(p, S);
	p->network = network_good;
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_sa(&p->b)->peer_dpd);
	pair_pass(p, 30 * S);
	assert_true(p->b.c.counters.acks_received >= 2);
	p->network = network_is_cut;
	pair_pass(p, 22 * S);
	assert_int_equal(p->b.c.counters.deaths, 1);
	p->network = network_good;
	pair_destroy(p);
}

// Drops message 5 of the phase 1 whose cookie is kept, however often it comes.
static unsigned network_stops_at_4(struct pair *p, struct fake_datagram *d, bool from_a)
{
	return !(from_a && is_phase_1(d, true) && memcmp(d->data, p->arg, 8) == 0);
}

// The peer has lost its IKE SA with us, and what begins another from its address cannot finish: we
// must ask by ourselves, and it lives.
static void somebody_in_its_place(void **state)
{
	struct pair_config b = {.rest = PERIODIC};
	struct pair *p = pair_create(NULL, &b);
	uint8_t half[8];

	(void)state;
	pair_up(p);
	p->network = network_is_cut;
	ike_sa_destroy(&p->a.c, side_sa(&p->a));
	ike_sa_destroy(&p->b.c, side_sa(&p->b));
	on_tunnel_wanted(&p->a.c, side_peer(&p->a));
	memcpy(half, side_peer(&p->a)->ike_sas->cookie_i, 8);
	p->arg = half;
	p->network = network_stops_at_4;
	pair_pass(p, 4 * S);
	assert_int_equal(side_peer(&p->b)->ike_sas->state, IKE_R_MM4);
	assert_true(peer_is_negotiating(side_peer(&p->b)));
	pair_pass(p, 12 * S);
	assert_non_null(side_sa(&p->b));
	assert_int_equal(p->b.c.counters.deaths, 0);
	assert_true(p->b.c.counters.losses <= 1);
	assert_true(side_reaches(&p->b, &p->a));
	memset(half, 0, sizeof(half));
	pair_pass(p, 40 * S);
	pair_destroy(p);
}

// The numbers of a peer's hellos may be among those that we have used: they are answered.
static void numbers_that_meet(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct ike_sa *a, *b;

	(void)state;
	pair_up(p);
	a = side_sa(&p->a);
	b = side_sa(&p->b);
	b->dpd_first = 1000;
	b->dpd_next = 1100;
	b->dpd_run_first = 1098;
	a->dpd_first = a->dpd_run_first = a->dpd_next = 1050;
	ike1_probe(&p->a.c, a, "IKE_TIMER_IM_ALIVE");
	pair_settle(p);
	assert_int_equal(p->a.c.counters.acks_received, 1);
	assert_int_equal(p->b.c.counters.hellos_received, 0); // it may be our own, sent back
	a->dpd_run_first = a->dpd_next = 1098;
	a->dpd_outstanding = 0;
	ike1_probe(&p->a.c, a, "IKE_TIMER_IM_ALIVE");
	pair_settle(p);
	assert_int_equal(p->a.c.counters.acks_received, 1);
	assert_int_equal(p->b.c.counters.ike_unauthentic, 1);
	pair_destroy(p);
}

static unsigned network_keeps_info(struct pair *p, struct fake_datagram *d, bool from_a)
{
	struct fake_datagram *kept = p->arg;

	if (from_a || d->data[18] != ISAKMP_EXCHANGE_INFO)
		return 1;
	*kept = *d;
	return 0;
}

// An acknowledgement that comes when other life has long ended the run is none of it.
static void ack_held_back(void **state)
{
	struct pair_config a = {.rest = PERIODIC};
	struct pair *p = pair_create(&a, NULL);
	struct fake_datagram kept = {0};
	struct ike_sa *sa;
	unsigned acks;

	(void)state;
	pair_up(p);
	sa = side_sa(&p->a);
	p->network = network_keeps_info;
	p->arg = &kept;
	while (!kept.len)
		pair_pass(p, S / 2);
	p->network = network_good;
	ike1_probe(&p->b.c, side_sa(&p->b), "IKE_TIMER_IM_ALIVE"); // B's hello is life
	pair_pass(p, 4 * S);
	assert_int_equal(side_peer(&p->a)->dpd.state, DPD_CALM);
	assert_true(sa->dpd_outstanding > 0);
	acks = (unsigned)p->a.c.counters.acks_received;
	side_receive(&p->a, &kept);
	pair_settle(p);
	assert_int_equal(p->a.c.counters.acks_received, acks);
	assert_int_equal(p->a.c.counters.acks_stale, 1);
	pair_destroy(p);
}

// What one volume lifetime after another replaces does not pile up, though each is young.
static void quick_succession(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	for (unsigned i = 0; i < 20; i++) {
		child_rekey(&p->b.c, side_child(&p->b));
		pair_pass(p, 12 * S);
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
		assert_true(p->a.c.children.used <= 3);
		assert_true(p->b.c.children.used <= 3);
	}
	pair_destroy(p);
}

// Both renew at once, each time: of every two that cross one lives on, but no more.
static void quick_succession_of_both(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	p->network = network_far;
	for (unsigned i = 0; i < 20; i++) {
		child_rekey(&p->b.c, side_child(&p->b));
		child_rekey(&p->a.c, side_child(&p->a));
		pair_pass(p, 6 * S);
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
	}
	pair_pass(p, 12 * S);
	assert_true(p->a.c.children.used <= 3);
	assert_true(p->b.c.children.used <= 3);
	pair_destroy(p);
}

// A peer that begins many at once has no more of them in the end.
static void many_quick_modes_at_once(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct flow *f;

	(void)state;
	pair_up(p);
	p->network = network_far;
	f = side_child(&p->b)->flow;
	for (unsigned i = 0; i < 20; i++) {
		struct child *ch = child_create(&p->b.c, side_peer(&p->b), f, true);

		assert_non_null(ch);
		assert_int_equal(ike1_quick_initiate(&p->b.c, side_sa(&p->b), ch), 0);
	}
	pair_pass(p, 15 * S);
	assert_true(p->a.c.children.used <= 3);
	assert_true(p->b.c.children.used <= 3);
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
	pair_destroy(p);
}

static struct child *live_child(const struct side *s)
{
	struct child *ch = side_child(s);

	while (ch && ch->state != CHILD_LIVE)
		ch = ch->next;
	return ch;
}

// One that was replaced and lives on carries the traffic again when the peer ends what replaced it.
static void twin_takes_over(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct child *ch, *twin;

	(void)state;
	pair_up(p);
	ch = live_child(&p->a);
	p->network = network_far;
	child_rekey(&p->b.c, side_child(&p->b));
	child_rekey(&p->a.c, side_child(&p->a));
	pair_pass(p, 20 * S);
	for (twin = side_child(&p->a); twin && twin->state != CHILD_OLD;)
		twin = twin->next;
	assert_non_null(twin);
	assert_ptr_not_equal(twin, ch);
	child_delete(&p->a.c, live_child(&p->a), false, "test");
	assert_ptr_equal(live_child(&p->a), twin);
	assert_true(side_packet(&p->a, NULL));
	pair_pass(p, 30 * S); // it has got a successor
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// A third message is late, and before it comes the other side begins: which of the two is the newer
// one is seen differently, and neither may go.
static void third_message_behind_a_rival(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	pair_pass(p, S);
	p->network = network_delays_one;
	p->target = p->sent + 2;
	child_rekey(&p->a.c, side_child(&p->a));
	pair_settle(p);
	assert_int_equal(side_peer(&p->b)->children->state, CHILD_NEGOTIATING);
	p->target = UINT32_MAX;
	child_rekey(&p->b.c, live_child(&p->b));
	for (unsigned seconds = 0; seconds < 60; seconds++) {
		struct fake_sa *out;

		pair_pass(p, S);
		assert_true(side_packet(&p->a, &out));
		assert_true(fake_dp_esp_in(p->b.c.dp, out->spi));
		assert_true(side_packet(&p->b, &out));
		assert_true(fake_dp_esp_in(p->a.c.dp, out->spi));
	}
	// Both are still there for a peer that knows one of them only.
	assert_int_equal(p->a.c.children.used, 2);
	assert_int_equal(p->b.c.children.used, 2);
	p->network = network_good;
	pair_destroy(p);
}

static unsigned network_loses_quick_2(struct pair *p, struct fake_datagram *d, bool from_a)
{
	struct fake_datagram *kept = p->arg;

	if (d->data[18] != ISAKMP_EXCHANGE_QUICK)
		return 1;
	if (from_a)
		*kept = *d;
	return from_a;
}

// A copy of a quick mode's first message begins nothing, also when that quick mode has failed.
static void copy_after_failure(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct fake_datagram kept = {0};

	(void)state;
	pair_up(p);
	p->network = network_loses_quick_2;
	p->arg = &kept;
	child_rekey(&p->a.c, side_child(&p->a));
	pair_pass(p, S / 2);
	assert_int_equal(p->b.c.children.used, 2);
	p->network = network_is_cut;
	pair_pass(p, 60 * S);
	assert_int_equal(p->b.c.children.used, 1);
	side_receive(&p->b, &kept);
	pair_settle(p);
	assert_int_equal(p->b.c.children.used, 1);
	p->network = network_good;
	pair_destroy(p);
}

// A link that is up for a second and down for one, as long as RETRY: whatever its phase some probe
// of each window meets it.
static void link_that_flaps(void **state)
{
	struct pair_config b = {.rest = PERIODIC};

	(void)state;
	for (tick_t phase = 0; phase < 2 * S; phase += S / 4) {
		struct pair *p = pair_create(NULL, &b);
		tick_t start;

		pair_up(p);
		start = fake_now;
		for (unsigned i = 0; i < 60 * S; i++) {
			p->b.c.dp->unreachable = (fake_now - start + phase) % (2 * S) < S;
			pair_pass(p, 1);
		}
		assert_int_equal(p->b.c.counters.deaths, 0);
		assert_int_equal(p->b.c.counters.losses, 0);
		assert_in_range(p->b.c.counters.acks_received, 5, 7);
		// One that does not come back is a death, on schedule: a run may have begun in the
		// second for which it has been down.
		p->b.c.dp->unreachable = true;
		start = fake_now;
		while (p->b.c.counters.deaths == 0 && fake_now - start < 60 * S)
			pair_pass(p, 1);
		assert_in_range(fake_now - start, 9 * S, 20 * S + 1);
		p->b.c.dp->unreachable = false;
		pair_pass(p, 60 * S);
		pair_destroy(p);
	}
}

// Nothing leaves for a while, and the question is a phase 1: a message that was refused asks
// nobody.
static void full_way_without_phase_1(void **state)
{
	struct pair_config b = {.rest = PERIODIC};
	struct pair *p = pair_create(NULL, &b);

	(void)state;
	pair_up(p);
	pair_pass(p, 3 * S);
	ike_sa_destroy(&p->b.c, side_sa(&p->b));
	p->b.c.dp->send_full = true;
	pair_pass(p, 60 * S);
	assert_int_equal(p->b.c.counters.losses, 0);
	assert_int_equal(p->b.c.counters.deaths, 0);
	p->b.c.dp->send_full = false;
	pair_pass(p, 2 * S);
	assert_non_null(side_sa(&p->b)); // no need to wait for the next repetition
	assert_int_equal(p->b.c.counters.losses, 0);
	p->network = network_is_cut;
	pair_pass(p, 21 * S);
	assert_int_equal(p->b.c.counters.deaths, 1);
	p->network = network_good;
	pair_pass(p, 60 * S);
	pair_destroy(p);
}

static struct fake_datagram held;

// Holds the first acknowledgement back, and lets no other pass.
static unsigned network_holds_acks(struct pair *p, struct fake_datagram *d, bool from_a)
{
	(void)p;
	if (!from_a || d->data[18] != ISAKMP_EXCHANGE_INFO)
		return 1;
	if (!held.len)
		held = *d;
	return 0;
}

// A run that begins while the way out is full: an acknowledgement of the run before proves nothing
// for it.
static void ack_of_the_run_before(void **state)
{
	struct pair_config b = {.rest = PERIODIC};
	struct pair *p = pair_create(NULL, &b);
	struct fake_sa *out = NULL;

	(void)state;
	held.len = 0;
	pair_up(p);
	p->network = network_holds_acks;
	while (!held.len)
		pair_pass(p, 1);
	pair_pass(p, S / 4);
	assert_true(fake_dp_packet(p->a.c.dp, fake_dp_tunnel(p->a.c.dp), &out));
	assert_true(fake_dp_esp_in(p->b.c.dp, out->spi));
	pair_pass(p, 3 * S);
	assert_int_equal(side_peer(&p->b)->dpd.state, DPD_CALM);
	p->network = network_is_cut;
	while (side_peer(&p->b)->dpd.state == DPD_CALM) {
		p->b.c.dp->send_full = tick_diff(side_peer(&p->b)->dpd.window_end, fake_now) <= 1;
		pair_pass(p, 1);
	}
	p->b.c.dp->send_full = false;
	pair_pass(p, 5 * S);
	assert_int_equal(p->b.c.counters.acks_stale, 0);
	side_receive(&p->b, &held);
	pair_settle(p);
	assert_int_equal(p->b.c.counters.acks_stale, 1);
	pair_pass(p, 6 * S);
	assert_int_equal(p->b.c.counters.deaths, 1);
	p->network = network_good;
	pair_pass(p, 60 * S);
	pair_destroy(p);
}

// ---- input that is lost elsewhere --------------------------------------------------------------

// A pair whose B asks A every ten seconds, until A's messages have come in by this interface.
static struct pair *asked_by(uint16_t iface)
{
	struct pair_config b = {.rest = PERIODIC};
	struct pair *p = pair_create(NULL, &b);

	p->b.c.vlans[8] = (struct dp_vlan_config){.vlan = 5, .port = 1};
	p->b.c.dp->arrives_by = iface;
	pair_up(p);
	pair_pass(p, 25 * S);
	assert_true(p->b.c.counters.acks_received >= 2);
	return p;
}

// A dies while B's port (DP_ALL_IFACES: a worker) loses something all the time: how long B takes
// from then on.
static tick_t death_with_losses(struct pair *p, uint16_t port)
{
	tick_t start = fake_now;

	p->network = network_is_cut;
	while (!p->b.c.counters.deaths && fake_now - start < 100 * S) {
		if (port == DP_ALL_IFACES)
			p->b.c.dp->punt_losses++;
		else
			p->b.c.dp->port_losses[port]++;
		pair_pass(p, S / 2);
	}
	assert_int_equal(p->b.c.counters.deaths, 1);
	p->network = network_good;
	pair_destroy(p);
	return fake_now - start - 60 * S; // as long as pair_destroy() takes
}

#define IN_TIME(ticks) assert_in_range(ticks, 10 * S, 20 * S + S / 2)
#define LATE(ticks)    assert_in_range(ticks, 4 * 10 * S, 50 * S + S / 2)

// RFC 3706, 5.5, as configured: 10 s and five times 2 s, whatever another port loses.
static void another_port_loses_input(void **state)
{
	(void)state;
	IN_TIME(death_with_losses(asked_by(0), 1));
	IN_TIME(death_with_losses(asked_by(1), 0));
	IN_TIME(death_with_losses(asked_by(8), 0)); // a subinterface of port 1
	// Its own port's losses may be its answers, and so may a worker's.
	LATE(death_with_losses(asked_by(0), 0));
	LATE(death_with_losses(asked_by(8), 1));
	LATE(death_with_losses(asked_by(0), DP_ALL_IFACES));
}

// Where nobody knows by which port its answers would come, each port's losses may be theirs.
static void way_in_is_not_sure(void **state)
{
	struct pair *p = asked_by(0);

	(void)state;
	p->b.c.dp->arrives_by = 1; // it comes in by one and by the other
	pair_pass(p, 10 * S);
	LATE(death_with_losses(p, 0));
	p = asked_by(0);
	p->b.c.dp->arrives_by = 1;
	pair_pass(p, 10 * S);
	p->b.c.dp->arrives_by = 0;
	pair_pass(p, 10 * S);
	LATE(death_with_losses(p, 1));
	// Routes or links may have changed since it was heard, and it has not been heard again.
	p = asked_by(0);
	assert_int_equal(static_routes_sync(&p->b.c, false), 0);
	LATE(death_with_losses(p, 1));
	p = asked_by(0);
	apply_link(&p->b.c, 0, false);
	apply_link(&p->b.c, 0, true);
	LATE(death_with_losses(p, 1));
	p = asked_by(0);
	assert_int_equal(static_routes_sync(&p->b.c, false), 0);
	pair_pass(p, 10 * S);
	IN_TIME(death_with_losses(p, 1));
}

// A change in the middle of a run: what was counted before and what is counted now cannot be
// compared, so the window is repeated.
static void way_in_changes_meanwhile(void **state)
{
	struct pair *p = asked_by(0);
	unsigned deferred;

	(void)state;
	p->b.c.dp->port_losses[1] = 7;
	p->network = network_is_cut;
	pair_pass(p, 11 * S); // a window runs
	deferred = (unsigned)p->b.c.counters.verdicts_deferred;
	assert_int_equal(deferred, 0);
	assert_int_equal(static_routes_sync(&p->b.c, false), 0);
	pair_pass(p, 4 * S);
	assert_int_equal(p->b.c.counters.verdicts_deferred, deferred + 1);
	pair_pass(p, 10 * S);
	assert_int_equal(p->b.c.counters.deaths, 1);
	p->network = network_good;
	pair_destroy(p);
}

// A NIC that takes its time to say what it lost: nothing is concluded before it has said so for the
// whole window, and one that never says anything any more does not hide a death for ever.
static void port_is_slow_to_tell(void **state)
{
	struct pair *p = asked_by(0);
	const struct dpd *d = &side_peer(&p->b)->dpd;
	struct dp *dp = p->b.c.dp;

	(void)state;
	p->network = network_is_cut;
	while (d->state != DPD_AGGRESSIVE)
		pair_pass(p, 1);
	dp->losses_until = d->window_end - 1;
	while (tick_before(fake_now, d->window_end + 30))
		pair_pass(p, 1);
	assert_int_equal(p->b.c.counters.losses + p->b.c.counters.verdicts_deferred, 0);
	dp->port_losses[0]++;
	dp->losses_until = 0;
	pair_pass(p, 2);
	assert_int_equal(p->b.c.counters.losses, 0);
	assert_int_equal(p->b.c.counters.verdicts_deferred, 1);
	dp->losses_until = fake_now;
	pair_pass(p, 5 * 4 * 4 * S);
	assert_int_equal(p->b.c.counters.deaths, 1);
	dp->losses_until = 0;
	p->network = network_good;
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vendor_id_in_message_5),
		cmocka_unit_test(another_port_loses_input),
		cmocka_unit_test(way_in_is_not_sure),
		cmocka_unit_test(way_in_changes_meanwhile),
		cmocka_unit_test(port_is_slow_to_tell),
		cmocka_unit_test(somebody_in_its_place),
		cmocka_unit_test(numbers_that_meet),
		cmocka_unit_test(ack_held_back),
		cmocka_unit_test(quick_succession),
		cmocka_unit_test(copy_after_failure),
		cmocka_unit_test(quick_succession_of_both),
		cmocka_unit_test(twin_takes_over),
		cmocka_unit_test(third_message_behind_a_rival),
		cmocka_unit_test(many_quick_modes_at_once),
		cmocka_unit_test(link_that_flaps),
		cmocka_unit_test(full_way_without_phase_1),
		cmocka_unit_test(ack_of_the_run_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
