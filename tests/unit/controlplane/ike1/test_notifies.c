// Notifies that come beside what a message is about, as Cisco's send them: INITIAL-CONTACT in a
// quick mode (RFC 2407, 4.6.3.3), RESPONDER-LIFETIME of the IKE SA (4.6.3.1). The network writes
// them into what the other side has sent, with that side's keys.
#include "pair.h"

#include <string.h>

#include "addr.h"
#include "exchange.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike1/info.h"
#include "ike1/quick.h"
#include "isakmp.h"
#include "notify.h"
#include "peer_timers.h"
#include "wheel.h"

typedef void (*writes)(struct isakmp_message *m, const struct ike_sa *sa);

static void copy_payloads(struct isakmp_message *m, const struct isakmp_chain *chain,
                          unsigned first)
{
	for (unsigned i = first; i < chain->count; i++)
		isakmp_payload_put(m, chain->payloads[i].type, chain->payloads[i].body,
		                   chain->payloads[i].len);
}

// Message 1 or 2 of a quick mode gets more payloads behind its own. Others stay as they are.
static void add_to_quick(struct side *from, struct side *to, struct fake_datagram *d, writes write)
{
	uint8_t plain[ISAKMP_MESSAGE_MAX], buf[FAKE_DATAGRAM_MAX], iv[IKE_BLOCK_MAX],
		next[IKE_BLOCK_MAX];
	struct isakmp_message m;
	struct isakmp_header h;
	struct isakmp_chain chain;
	struct ike1_quick q;
	struct exchange *x;
	struct ike_sa *sa;
	int len;

	assert_int_equal(isakmp_header_read(d->data, d->len, &h), 0);
	sa = ike_sa_find(&from->c, h.cookie_i, h.cookie_r);
	x = sa && h.exchange == ISAKMP_EXCHANGE_QUICK ? exchange_find(sa, h.message_id) : NULL;
	if (!x)
		return;
	keymat_phase2_iv(from->c.crypto, &sa->suite, &sa->keys, h.message_id, iv);
	if (!x->initiator) // message 2 goes on from where message 1 ended
		memcpy(iv,
		       exchange_find(ike_sa_find(&to->c, h.cookie_i, h.cookie_r), h.message_id)->iv,
		       sizeof(iv));
	assert_int_equal(ike1_message_open(from->c.crypto, &sa->suite, &sa->keys, iv, next, &h,
	                                   d->data, plain, sizeof(plain), &chain),
	                 0);
	q = quick_inputs(x);
	ike1_message_begin(&m, buf, sizeof(buf), &h, &sa->suite);
	copy_payloads(&m, &chain, 1);
	write(&m, sa);
	len = ike1_message_seal_hashed(from->c.crypto, &sa->suite, &sa->keys, iv,
	                               x->initiator ? IKE1_HASH_1 : IKE1_HASH_2, &q, &m);
	assert_true(len > d->len);
	memcpy(d->data, buf, (size_t)len);
	d->len = (uint16_t)len;
	memcpy(x->iv, iv, sizeof(iv));
}

// Message 6 of main mode gets more payloads behind its own.
static void add_to_6(struct side *b, struct side *a, struct fake_datagram *d, writes write)
{
	uint8_t plain[ISAKMP_MESSAGE_MAX], buf[FAKE_DATAGRAM_MAX], next[IKE_BLOCK_MAX];
	struct isakmp_message m;
	struct isakmp_header h;
	struct isakmp_chain chain;
	struct ike_sa *from, *to;
	int len;

	assert_int_equal(isakmp_header_read(d->data, d->len, &h), 0);
	from = ike_sa_find(&b->c, h.cookie_i, h.cookie_r);
	to = ike_sa_find(&a->c, h.cookie_i, h.cookie_r);
	if (h.exchange != ISAKMP_EXCHANGE_MAIN || !from || from->state != IKE_P1_COMPLETE)
		return;
	memcpy(from->keys.iv, to->keys.iv, IKE_BLOCK_MAX); // it goes on from where message 5 ended
	assert_int_equal(ike1_message_open(b->c.crypto, &from->suite, &from->keys, from->keys.iv,
	                                   next, &h, d->data, plain, sizeof(plain), &chain),
	                 0);
	isakmp_message_begin(&m, buf, sizeof(buf), &h);
	copy_payloads(&m, &chain, 0);
	write(&m, from);
	len = ike1_message_seal(b->c.crypto, &from->suite, &from->keys, from->keys.iv, &m);
	assert_true(len > d->len);
	memcpy(d->data, buf, (size_t)len);
	d->len = (uint16_t)len;
}

static void write_contact(struct isakmp_message *m, const struct ike_sa *sa)
{
	notify_write_initial_contact(m, sa->cookie_i, sa->cookie_r);
}

static unsigned network_adds_contact(struct pair *p, struct fake_datagram *d, bool from_a)
{
	const bool *only_a = p->arg;

	if (from_a == *only_a)
		add_to_quick(from_a ? &p->a : &p->b, from_a ? &p->b : &p->a, d, write_contact);
	return 1;
}

static void forget_children(struct side *s)
{
	while (side_peer(s) && side_peer(s)->children)
		child_delete(&s->c, side_peer(s)->children, false, "test");
}

// Both have an older IKE SA and a child of it; one side forgets the child and then has a new phase
// 1 begun by A.
static struct pair *pair_renewed(struct side *(*forgets)(struct pair *p))
{
	struct pair *p = pair_create(NULL, NULL);

	pair_up(p);
	pair_pass(p, 20 * S);
	forget_children(forgets(p));
	on_tunnel_wanted(&p->a.c, side_peer(&p->a));
	pair_settle(p);
	assert_int_equal(p->a.c.ike_sas.used, 2);
	assert_int_equal(p->b.c.ike_sas.used, 2);
	p->network = network_adds_contact;
	side_forget_log(&p->a);
	side_forget_log(&p->b);
	return p;
}

static struct side *side_a(struct pair *p)
{
	return &p->a;
}

static struct side *side_b(struct pair *p)
{
	return &p->b;
}

// In message 1: what is older than the IKE SA goes at once, and the quick mode goes on.
static void contact_in_message_1(void **state)
{
	struct pair *p = pair_renewed(side_a);
	bool from_a = true;

	(void)state;
	p->arg = &from_a;
	side_packet(&p->a, NULL);
	pair_settle(p);
	assert_true(side_logged(&p->b, "NOTIFY INITIAL_CONTACT"));
	assert_int_equal(p->b.c.ike_sas.used, 1);
	assert_int_equal(p->b.c.children.used, 1);
	assert_int_equal(p->a.c.children.used, 1);
	pair_pass(p, S);
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
	p->network = network_good;
	pair_destroy(p);
}

// In message 2: the child that is just made is not ended, nor made a second time.
static void contact_in_message_2(void **state)
{
	struct pair *p = pair_renewed(side_b);
	bool from_a = false;
	uint32_t old;

	(void)state;
	p->arg = &from_a;
	old = side_child(&p->a)->spi_in;
	child_rekey(&p->a.c, side_child(&p->a));
	pair_settle(p);
	assert_true(side_logged(&p->a, "NOTIFY INITIAL_CONTACT"));
	assert_int_equal(p->a.c.ike_sas.used, 1);
	assert_int_equal(p->a.c.children.used, 1);
	assert_int_equal(p->b.c.children.used, 1);
	assert_int_not_equal(side_child(&p->a)->spi_in, old);
	assert_int_equal(side_logged(&p->a, "beginning Quick Mode exchange"), 1);
	pair_pass(p, S);
	assert_int_equal(side_logged(&p->a, "beginning Quick Mode exchange"), 1);
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
	p->network = network_good;
	pair_destroy(p);
}

// In each quick mode of one IKE SA, in either direction: nothing that was made on it ends.
static void contact_each_time(void **state)
{
	struct pair_config a = {.rest = "access-list 101 permit ip 10.3.0.0 0.0.0.255 "
	                                "10.4.0.0 0.0.0.255"};
	struct pair_config b = {.rest = "access-list 101 permit ip 10.4.0.0 0.0.0.255 "
	                                "10.3.0.0 0.0.0.255"};

	(void)state;
	for (unsigned from_a = 0; from_a < 2; from_a++) {
		struct pair *p = pair_create(&a, &b);
		struct side *says = from_a ? &p->a : &p->b, *hears = from_a ? &p->b : &p->a;
		bool only_a = from_a;
		uint32_t other;

		p->network = network_adds_contact;
		p->arg = &only_a;
		for (struct flow *f = p->a.c.entries->flows; f; f = f->next) {
			fake_dp_packet(p->a.c.dp, f->tunnel, NULL);
			pair_pass(p, S);
		}
		assert_int_equal(hears->c.children.used, 2);
		other = side_child(says)->spi_in;
		for (unsigned i = 0; i < 3; i++) {
			child_rekey(&says->c, side_child(says)->next);
			pair_pass(p, 20 * S);
			assert_int_equal(p->a.c.children.used, 2);
			assert_int_equal(p->b.c.children.used, 2);
			assert_non_null(child_find_out(&hears->c, side_peer(hears), other));
			other = side_child(says)->spi_in;
		}
		assert_int_equal(side_logged(hears, "NOTIFY INITIAL_CONTACT"), 6); // one of phase 1
		assert_int_equal(hears->c.ike_sas.used, 1);
		p->network = network_good;
		pair_destroy(p);
	}
}

// ---- RESPONDER-LIFETIME

#define LIFE 600u

static void write_life(struct isakmp_message *m, const struct ike_sa *sa)
{
	notify_write_lifetime(m, 0, sa->cookie_i, sa->cookie_r, LIFE, 0);
}

static unsigned network_adds_life_to_6(struct pair *p, struct fake_datagram *d, bool from_a)
{
	if (!from_a)
		add_to_6(&p->b, &p->a, d, write_life);
	return 1;
}

static void say_life(struct pair *p, struct side *s, struct ike_sa *sa, uint32_t seconds)
{
	struct info_message im;

	info_begin(&s->c, sa, &im);
	notify_write_lifetime(&im.m, 0, sa->cookie_i, sa->cookie_r, seconds, 0);
	assert_int_equal(info_send(&s->c, sa, &im), 0);
	pair_settle(p);
}

// A has heard it: phase 1 is renewed in time, without a gap, and what B believes stays.
static void renewed_in_time(struct pair *p)
{
	struct ike_sa *sa = side_sa(&p->a);
	uint32_t spi = side_child(&p->a)->spi_in;
	uint8_t cookie[8];

	memcpy(cookie, sa->cookie_i, 8);
	assert_int_equal(sa->suite.lifetime, LIFE);
	assert_int_equal(side_sa(&p->b)->suite.lifetime, 86400);
	assert_int_equal(sa->expire.expires, sa->established + LIFE * S);
	pair_pass(p, 450 * S); // the margin is a fifth of the lifetime at most
	assert_memory_equal(side_sa(&p->a)->cookie_i, cookie, 8);
	for (unsigned seconds = 0; seconds < 140; seconds++) {
		pair_pass(p, S);
		assert_non_null(side_sa(&p->a));
	}
	assert_memory_not_equal(side_sa(&p->a)->cookie_i, cookie, 8);
	assert_int_equal(p->a.c.ike_sas.used, 1);
	pair_pass(p, 30 * S);
	assert_int_equal(side_child(&p->a)->spi_in, spi);
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
}

// Right after message 6, as Cisco's responders send it.
static void life_after_6(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	say_life(p, &p->b, side_sa(&p->b), LIFE);
	renewed_in_time(p);
	pair_destroy(p);
}

static void life_in_6(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	p->network = network_adds_life_to_6;
	pair_up(p);
	p->network = network_good;
	renewed_in_time(p);
	pair_destroy(p);
}

// Little or nothing is left of it: the renewal is soon, and before the end if there is time.
static void life_is_nearly_over(void **state)
{
	static const unsigned after[] = {LIFE - 20, LIFE - 2, LIFE, LIFE + 100};

	(void)state;
	for (unsigned i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
		struct pair *p = pair_create(NULL, NULL);
		uint8_t cookie[8];

		pair_up(p);
		memcpy(cookie, side_sa(&p->a)->cookie_i, 8);
		pair_pass(p, after[i] * S + side_sa(&p->a)->established - p->a.c.now);
		say_life(p, &p->b, side_sa(&p->b), LIFE);
		for (unsigned ticks = 0; ticks < 12 * S; ticks++) {
			pair_pass(p, 1);
			assert_true(after[i] >= LIFE || side_sa(&p->a));
		}
		assert_non_null(side_sa(&p->a));
		assert_memory_not_equal(side_sa(&p->a)->cookie_i, cookie, 8);
		assert_int_equal(p->a.c.counters.negotiations_failed, 0);
		pair_pass(p, 10 * S);
		assert_true(side_reaches(&p->a, &p->b));
		assert_true(side_reaches(&p->b, &p->a));
		pair_destroy(p);
	}
}

static void assert_life(const struct side *s, const struct ike_sa *before)
{
	const struct ike_sa *sa = side_sa(s);

	assert_int_equal(sa->suite.lifetime, before->suite.lifetime);
	assert_int_equal(sa->rekey.expires, before->rekey.expires);
	assert_int_equal(sa->expire.expires, before->expire.expires);
}

// What is no shorter lifetime of this IKE SA changes nothing.
static void life_of_something_else(void **state)
{
	static const uint8_t data[] = {0x80, 1, 0, 1, 0x80, 2, 0, 60},
			     kilobytes[] = {0x80, 1, 0, 2, 0x80, 2, 0, 60};
	struct isakmp_notify n = {.doi = ISAKMP_DOI_IPSEC, .type = NOTIFY_RESPONDER_LIFETIME};
	struct pair *p = pair_create(NULL, NULL);
	struct info_message im;
	struct ike_sa before, *b;
	uint8_t other[16];

	(void)state;
	pair_up(p);
	before = *side_sa(&p->a);
	b = side_sa(&p->b);
	say_life(p, &p->b, b, 86400);
	say_life(p, &p->b, b, UINT32_MAX);
	say_life(p, &p->b, b, 0);
	assert_life(&p->a, &before);
	memcpy(other, b->cookie_r, 8);
	memcpy(other + 8, b->cookie_i, 8);
	n.spi = other;
	for (unsigned i = 0; i < 5; i++) {
		n.protocol = i == 1 ? ISAKMP_PROTO_ESP : ISAKMP_PROTO_ISAKMP;
		n.spi_len = i < 2 ? 4 : i < 4 ? 16 : 0;
		n.data = i == 4 ? kilobytes : data;
		n.data_len = i == 3 ? 7 : sizeof(data);
		info_begin(&p->b.c, b, &im);
		notify_write(&im.m, &n);
		assert_int_equal(info_send(&p->b.c, b, &im), 0);
		pair_settle(p);
		assert_life(&p->a, &before);
	}
	// The initiator's wish is no responder's.
	before = *b;
	say_life(p, &p->a, side_sa(&p->a), LIFE);
	assert_life(&p->b, &before);
	assert_true(side_logged(&p->b, "NOTIFY RESPONDER_LIFETIME"));
	pair_destroy(p);
}

// One that was replaced ends when that was decided.
static void life_of_a_replaced(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct ike_sa *old, *newer, before;

	(void)state;
	pair_up(p);
	pair_pass(p, S);
	old = side_sa(&p->b);
	on_tunnel_wanted(&p->a.c, side_peer(&p->a));
	pair_settle(p);
	newer = side_sa(&p->a);
	assert_true(newer->next && newer->next->replaced);
	before = *newer;
	say_life(p, &p->b, old, LIFE);
	assert_int_equal(newer->next->suite.lifetime, 86400);
	assert_false(wheel_is_armed(&newer->next->rekey));
	assert_life(&p->a, &before);
	pair_pass(p, 5 * S);
	assert_int_equal(p->a.c.ike_sas.used, 1);
	pair_destroy(p);
}

static unsigned network_spoils_info(struct pair *p, struct fake_datagram *d, bool from_a)
{
	const unsigned *at = p->arg;

	if (!from_a && d->data[18] == ISAKMP_EXCHANGE_INFO)
		d->data[*at] ^= 1;
	return 1;
}

// In clear, or changed on the way: not believed.
static void life_is_forged(void **state)
{
	struct isakmp_header h = {.version = ISAKMP_VERSION_1, .exchange = ISAKMP_EXCHANGE_INFO};
	struct pair *p = pair_create(NULL, NULL);
	struct fake_datagram d;
	struct isakmp_message m;
	struct ike_sa before;
	uint8_t buf[256];
	unsigned at;

	(void)state;
	pair_up(p);
	before = *side_sa(&p->a);
	memcpy(h.cookie_i, before.cookie_i, 8);
	memcpy(h.cookie_r, before.cookie_r, 8);
	for (uint32_t id = 0; id < 2; id++) {
		h.message_id = id;
		isakmp_message_begin(&m, buf, sizeof(buf), &h);
		write_life(&m, &before);
		d = pair_from_a(buf, isakmp_message_end(&m));
		addr_parse(ADDR_B, &d.src);
		addr_parse(ADDR_A, &d.dst);
		side_receive(&p->a, &d);
		d.data[19] = ISAKMP_FLAG_ENCRYPTED;
		side_receive(&p->a, &d);
		pair_settle(p);
		assert_life(&p->a, &before);
	}
	p->network = network_spoils_info;
	p->arg = &at;
	for (at = ISAKMP_HEADER; at < ISAKMP_HEADER + 64; at++) {
		say_life(p, &p->b, side_sa(&p->b), LIFE);
		assert_life(&p->a, &before);
	}
	p->network = network_good;
	pair_destroy(p);
}

static void write_child_life(struct isakmp_message *m, const struct ike_sa *sa)
{
	notify_write_lifetime(m, 0x1234, sa->cookie_i, sa->cookie_r, LIFE, 0);
}

static unsigned network_adds_life(struct pair *p, struct fake_datagram *d, bool from_a)
{
	writes *write = p->arg;

	if (!from_a)
		add_to_quick(&p->b, &p->a, d, *write);
	return 1;
}

// In message 2 of a quick mode it is about the child, unless it says otherwise.
static void life_in_message_2(void **state)
{
	writes write[] = {write_child_life, write_life};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct pair *p = pair_create(NULL, NULL);

		p->network = network_adds_life;
		p->arg = &write[i];
		pair_up(p);
		assert_int_equal(side_child(&p->a)->suite.lifetime_seconds, i ? 3600 : LIFE);
		assert_int_equal(side_sa(&p->a)->suite.lifetime, 86400);
		p->network = network_good;
		pair_destroy(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contact_in_message_1),
		cmocka_unit_test(contact_in_message_2),
		cmocka_unit_test(contact_each_time),
		cmocka_unit_test(life_after_6),
		cmocka_unit_test(life_in_6),
		cmocka_unit_test(life_is_nearly_over),
		cmocka_unit_test(life_of_something_else),
		cmocka_unit_test(life_of_a_replaced),
		cmocka_unit_test(life_is_forged),
		cmocka_unit_test(life_in_message_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
