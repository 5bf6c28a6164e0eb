// Notifies that come beside what a message is about, as Cisco's send them: INITIAL-CONTACT in a
// quick mode (RFC 2407, 4.6.3.3). The network writes them into what the other side has sent, with
// that side's keys.
#include "pair.h"

#include <string.h>

#include "exchange.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike1/quick.h"
#include "isakmp.h"
#include "notify.h"
#include "peer_timers.h"

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
	ike1_message_begin(&m, buf, sizeof(buf), &h, &sa->keys);
	copy_payloads(&m, &chain, 1);
	write(&m, sa);
	len = ike1_message_seal_hashed(from->c.crypto, &sa->suite, &sa->keys, iv,
	                               x->initiator ? IKE1_HASH_1 : IKE1_HASH_2, &q, &m);
	assert_true(len > d->len);
	memcpy(d->data, buf, (size_t)len);
	d->len = (uint16_t)len;
	memcpy(x->iv, iv, sizeof(iv));
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
	pair_pass(p, S);
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
			assert_non_null(child_find_out(side_peer(hears), other));
			other = side_child(says)->spi_in;
		}
		assert_int_equal(side_logged(hears, "NOTIFY INITIAL_CONTACT"), 6); // one of phase 1
		assert_int_equal(hears->c.ike_sas.used, 1);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
