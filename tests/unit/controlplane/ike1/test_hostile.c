// What strangers and broken peers send: counted and dropped, nothing changes, nothing leaks. The
// list of hostile inputs is the one that crashed or fooled other implementations.
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bounds.h"
#include "dh_pool.h"
#include "flow.h"
#include "ike1/ike1.h"
#include "ike1/info.h"
#include "isakmp.h"
#include "notify.h"
#include "peer_timers.h"

// What must not change by anything that is not authentic.
struct snapshot {
	unsigned peers, ike_sas, children, live, half_open;
	uint64_t hellos, acks;
	tick_t heard;
	uint16_t remote_port;
	uint32_t spi_in, spi_out;
};

static struct snapshot snap(const struct side *s)
{
	const struct peer *p = side_peer(s);
	const struct child *ch = p->children;

	return (struct snapshot){
		.peers = s->c.peers.used,
		.ike_sas = s->c.ike_sas.used,
		.children = s->c.children.used,
		.live = fake_dp_live_sas(s->c.dp),
		.hellos = s->c.counters.hellos_received,
		.acks = s->c.counters.acks_received,
		.heard = p->heard,
		.remote_port = p->remote_port,
		.spi_in = ch->spi_in,
		.spi_out = ch->spi_out,
	};
}

static void assert_unchanged(const struct side *s, const struct snapshot *before)
{
	struct snapshot now = snap(s);

	assert_int_equal(now.peers, before->peers);
	assert_int_equal(now.ike_sas, before->ike_sas);
	assert_int_equal(now.children, before->children);
	assert_int_equal(now.live, before->live);
	assert_int_equal(now.hellos, before->hellos);
	assert_int_equal(now.acks, before->acks);
	assert_int_equal(now.heard, before->heard);
	assert_int_equal(now.remote_port, before->remote_port);
	assert_int_equal(now.spi_in, before->spi_in);
	assert_int_equal(now.spi_out, before->spi_out);
}

// A message in clear that A could have sent about its established IKE SA.
static struct fake_datagram in_clear(const struct ike_sa *sa, uint8_t exchange, uint32_t message_id,
                                     void (*write)(struct isakmp_message *m,
                                                   const struct ike_sa *sa))
{
	struct isakmp_header h = {
		.version = ISAKMP_VERSION_1, .exchange = exchange, .message_id = message_id};
	struct isakmp_message m;
	uint8_t buf[1024];

	memcpy(h.cookie_i, sa->cookie_i, 8);
	memcpy(h.cookie_r, sa->cookie_r, 8);
	isakmp_message_begin(&m, buf, sizeof(buf), &h);
	write(&m, sa);
	return pair_from_a(buf, isakmp_message_end(&m));
}

static void write_hello(struct isakmp_message *m, const struct ike_sa *sa)
{
	notify_write_dpd(m, NOTIFY_R_U_THERE, sa->cookie_i, sa->cookie_r, 0x7fffffff);
}

static void write_ack(struct isakmp_message *m, const struct ike_sa *sa)
{
	notify_write_dpd(m, NOTIFY_R_U_THERE_ACK, sa->cookie_i, sa->cookie_r, sa->dpd_next - 1);
}

static void write_initial_contact(struct isakmp_message *m, const struct ike_sa *sa)
{
	notify_write_initial_contact(m, sa->cookie_i, sa->cookie_r);
}

static void write_delete(struct isakmp_message *m, const struct ike_sa *sa)
{
	delete_write_esp(m, sa->peer->children ? sa->peer->children->spi_in : 0x1234);
	delete_write_sa(m, sa->cookie_i, sa->cookie_r);
	delete_write_sa(m, sa->cookie_i, sa->cookie_r);
}

static void write_refusal(struct isakmp_message *m, const struct ike_sa *sa)
{
	(void)sa;
	notify_write_plain(m, NOTIFY_NO_PROPOSAL_CHOSEN, 0);
}

static void unprotected_is_rejected(void **state)
{
	static void (*const writers[])(struct isakmp_message * m, const struct ike_sa *sa) = {
		write_hello, write_ack, write_initial_contact, write_delete, write_refusal};
	static const uint8_t exchanges[] = {ISAKMP_EXCHANGE_INFO,       ISAKMP_EXCHANGE_QUICK,
	                                    ISAKMP_EXCHANGE_MAIN,       ISAKMP_EXCHANGE_TRANSACTION,
	                                    ISAKMP_EXCHANGE_AGGRESSIVE, 243};
	struct pair *p = pair_create(NULL, NULL);
	struct snapshot before;
	struct fake_datagram d;

	(void)state;
	pair_up(p);
	before = snap(&p->b);
	for (unsigned w = 0; w < 5; w++)
		for (unsigned x = 0; x < 6; x++)
			for (uint32_t id = 0; id < 2; id++) {
				d = in_clear(side_sa(&p->a), exchanges[x], id, writers[w]);
				side_receive(&p->b, &d);
				d.data[19] = ISAKMP_FLAG_ENCRYPTED;
				side_receive(&p->b, &d);
				pair_settle(p);
				assert_unchanged(&p->b, &before);
			}
	assert_true(p->b.c.counters.ike_unauthentic > 10);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// A datagram of a known IKE SA with one byte changed, at every place.
static unsigned bad_network(struct pair *p, struct fake_datagram *d, bool is_from_a)
{
	struct side *to = is_from_a ? &p->b : &p->a;
	struct fake_datagram bad;

	for (unsigned i = 0; i < d->len; i++) {
		bad = *d;
		bad.data[i] ^= (uint8_t)(1u << (i % 8));
		fake_dp_deliver(to->c.dp, &bad);
	}
	for (unsigned len = 0; len < d->len; len += 3) {
		bad = *d;
		bad.len = (uint16_t)len;
		fake_dp_deliver(to->c.dp, &bad);
	}
	bad = *d;
	bad.src_port++;
	bad.data[d->len - 1] ^= 1;
	fake_dp_deliver(to->c.dp, &bad);
	return 1;
}

// Quick mode and informational exchanges work in the midst of forgeries of each message.
static void forgeries_of_phase_2(void **state)
{
	struct pair_config pfs = {.entry = " set pfs group19"};
	struct pair *p = pair_create(&pfs, &pfs);
	struct ike_sa *sa;

	(void)state;
	pair_up(p);
	sa = side_sa(&p->a);
	p->network = bad_network;
	sa->dpd_run_first = sa->dpd_next;
	ike1_probe(&p->a.c, sa, "IKE_TIMER_IM_ALIVE");
	pair_settle(p);
	assert_int_equal(p->b.c.counters.hellos_received, 1);
	assert_int_equal(p->a.c.counters.acks_received, 1);
	assert_int_equal(p->b.c.counters.probes_answered, 1);
	child_rekey(&p->a.c, side_child(&p->a));
	pair_pass(p, S);
	assert_int_equal(p->a.c.children.used, 2);
	assert_int_equal(p->b.c.children.used, 2);
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
	child_delete(&p->a.c, side_child(&p->a), true, "test");
	pair_settle(p);
	assert_int_equal(p->a.c.counters.negotiations_failed, 0);
	assert_int_equal(p->a.c.ike_sas.used, 1);
	p->network = network_good;
	pair_destroy(p);
}

// The same during phase 1, where nothing is authentic yet: it may fail, and is begun again.
static void forgeries_of_phase_1(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	p->network = bad_network;
	for (unsigned i = 0; i < 30; i++) {
		side_packet(&p->a, NULL);
		pair_pass(p, S);
	}
	p->network = network_good;
	for (unsigned i = 0; i < 60; i++) {
		side_packet(&p->a, NULL);
		pair_pass(p, S);
	}
	assert_true(side_reaches(&p->a, &p->b));
	assert_true(side_reaches(&p->b, &p->a));
	pair_destroy(p);
}

static void noise(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct snapshot before;
	struct fake_datagram d;
	uint8_t data[300];

	(void)state;
	pair_up(p);
	before = snap(&p->b);
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned len = (unsigned)rand() % sizeof(data);

		for (unsigned j = 0; j < len; j++)
			data[j] = (uint8_t)rand();
		if (len > 28) {
			if (i % 2)
				memcpy(data, side_sa(&p->b)->cookie_i, 8);
			if (i % 3)
				memcpy(data + 8, side_sa(&p->b)->cookie_r, 8);
			data[16] = (uint8_t)(rand() % 15);
			data[17] = 0x10;
			data[18] = (uint8_t[]){2, 5, 32}[rand() % 3];
			data[19] = (uint8_t)(rand() % 2);
			data[24] = data[25] = 0;
			data[26] = (uint8_t)(len >> 8);
			data[27] = (uint8_t)len;
		}
		d = pair_from_a(data, len);
		side_receive(&p->b, &d);
		pair_settle(p);
	}
	assert_unchanged(&p->b, &before);
	pair_destroy(p);
}

// First messages without end, each with another cookie: what is kept is bounded, in number and in
// time, and the real peer gets through.
static void flood_of_first_messages(void **state)
{
	struct fake_datagram d;
	uint8_t msg[1024];
	struct pair *p;
	size_t len;

	(void)state;
	pair_first_message(msg, &len);
	p = pair_create(NULL, NULL);
	for (unsigned i = 0; i < 500; i++) {
		d = pair_from_a(msg, len);
		d.data[3] = (uint8_t)i;
		d.data[4] = (uint8_t)(i >> 8);
		side_receive(&p->b, &d);
		pair_settle(p);
		assert_true(p->b.c.half_open <= HALF_OPEN_PER_ADDRESS);
	}
	pair_up(p);
	pair_pass(p, 40 * S);
	assert_int_equal(p->b.c.half_open, 0);
	assert_int_equal(p->b.c.ike_sas.used, 1);
	assert_true(side_reaches(&p->a, &p->b));
	pair_destroy(p);
}

// A half-open negotiation that a stranger began in the peer's name does not keep us from our own.
static void stranger_does_not_delay_us(void **state)
{
	struct fake_datagram d;
	uint8_t msg[1024];
	struct pair *p;
	size_t len;

	(void)state;
	pair_first_message(msg, &len);
	p = pair_create(NULL, NULL);
	d = pair_from_a(msg, len);
	side_receive(&p->b, &d);
	pair_settle(p);
	assert_int_equal(p->b.c.half_open, 1);
	side_packet(&p->b, NULL);
	pair_pass(p, S);
	assert_true(side_reaches(&p->b, &p->a));
	pair_destroy(p);
}

// Other versions and exchanges are refused in a few bytes, a few times a second.
static void unsupported_is_refused(void **state)
{
	struct fake_datagram d;
	uint8_t msg[1024];
	struct pair *p;
	size_t len;
	unsigned n;

	(void)state;
	pair_first_message(msg, &len);
	p = pair_create(NULL, NULL);
	for (unsigned i = 0; i < 100; i++) {
		d = pair_from_a(msg, len);
		if (i % 2)
			d.data[17] = 0x20; // IKEv2
		else
			d.data[18] = ISAKMP_EXCHANGE_AGGRESSIVE;
		side_receive(&p->b, &d);
	}
	p->network = network_is_cut;
	pair_settle(p);
	n = p->b.c.dp->n_sent;
	assert_true(n > 0 && n <= 10);
	assert_int_equal(p->b.c.counters.ike_unsupported, 100);
	assert_int_equal(p->b.c.peers.used, 0);
	assert_true(side_logged(&p->b, "asks for IKEv2, which is not active in this version"));
	assert_true(side_logged(&p->b, "asks for aggressive mode, which is not active"));

	pair_destroy(p);
}

// An unauthenticated refusal shortens the waiting, but the real answer still wins.
static void refusal_in_clear(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct fake_datagram d;
	struct ike_sa *sa;

	(void)state;
	p->network = network_is_cut;
	side_packet(&p->a, NULL);
	pair_settle(p);
	sa = side_peer(&p->a)->ike_sas;
	d = in_clear(sa, ISAKMP_EXCHANGE_INFO, 0, write_refusal);
	addr_parse(ADDR_B, &d.src);
	addr_parse(ADDR_A, &d.dst);
	side_receive(&p->a, &d);
	pair_settle(p);
	assert_int_equal(p->a.c.ike_sas.used, 1);
	assert_int_equal(p->a.c.counters.negotiations_failed, 0);
	pair_pass(p, 2 * S);
	assert_int_equal(p->a.c.counters.negotiations_failed, 1);
	assert_true(side_logged(&p->a, "failed: NO_PROPOSAL_CHOSEN"));
	p->network = network_good;
	pair_destroy(p);
}

static void send_info(struct side *s,
                      void (*write)(struct isakmp_message *m, const struct ike_sa *sa))
{
	struct ike_sa *sa = side_sa(s);
	struct info_message im;

	info_begin(&s->c, sa, &im);
	write(&im.m, sa);
	assert_int_equal(info_send(&s->c, sa, &im), 0);
}

static void write_delete_and_more(struct isakmp_message *m, const struct ike_sa *sa)
{
	write_delete(m, sa);
	write_hello(m, sa);
	write_ack(m, sa);
	write_initial_contact(m, sa);
	write_delete(m, sa);
	write_refusal(m, sa);
}

// DELETE of the IKE SA, and then more payloads about it in the same message.
static void delete_and_more(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	send_info(&p->a, write_delete_and_more);
	p->network = network_loses_one;
	p->target = p->sent + 1;
	pair_settle(p);
	assert_null(side_sa(&p->b));
	pair_destroy(p);
}

static void write_many_deletes(struct isakmp_message *m, const struct ike_sa *sa)
{
	for (unsigned i = 0; i < 20; i++)
		delete_write_esp(m, 0x1000 + i);
	delete_write_esp(m, sa->peer->children->spi_in);
	delete_write_esp(m, sa->peer->children->spi_in);
}

static void deletes_of_unknown_spis(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	send_info(&p->a, write_many_deletes);
	pair_settle(p);
	assert_null(side_child(&p->b));
	assert_non_null(side_sa(&p->b));
	pair_destroy(p);
}

static void write_foreign_hello(struct isakmp_message *m, const struct ike_sa *sa)
{
	uint8_t other[8];

	memcpy(other, sa->cookie_r, 8);
	other[7] ^= 1;
	notify_write_dpd(m, NOTIFY_R_U_THERE, sa->cookie_i, other, 0x7fffffff);
}

// RFC 3706, 5.3: the cookies in the notify must be the SA's.
static void hello_with_other_cookies(void **state)
{
	struct pair *p = pair_create(NULL, NULL);

	(void)state;
	pair_up(p);
	send_info(&p->a, write_foreign_hello);
	pair_settle(p);
	assert_int_equal(p->b.c.counters.hellos_received, 0);
	assert_int_equal(p->b.c.counters.probes_answered, 0);
	pair_destroy(p);
}

// Every datagram that A ever sent comes again, long afterwards and from another address too.
struct recording {
	struct fake_datagram d[64];
	unsigned n;
};

static unsigned network_records(struct pair *p, struct fake_datagram *d, bool is_from_a)
{
	struct recording *r = p->arg;

	if (is_from_a && r->n < 64)
		r->d[r->n++] = *d;
	return 1;
}

static void everything_is_replayed(void **state)
{
	struct pair *p = pair_create(NULL, NULL);
	struct recording *r = calloc(1, sizeof(*r));
	struct snapshot before;
	struct ike_sa *sa;

	(void)state;
	p->network = network_records;
	p->arg = r;
	pair_up(p);
	sa = side_sa(&p->a);
	sa->dpd_run_first = sa->dpd_next;
	ike1_probe(&p->a.c, sa, "IKE_TIMER_IM_ALIVE");
	pair_settle(p);
	p->network = network_is_cut;
	for (unsigned wait = 0; wait < 300; wait += 100) {
		before = snap(&p->b);
		for (unsigned i = 0; i < r->n; i++) {
			side_receive(&p->b, &r->d[i]);
			addr_parse("198.51.100.9", &r->d[i].src);
			side_receive(&p->b, &r->d[i]);
			addr_parse(ADDR_A, &r->d[i].src);
		}
		pair_settle(p);
		pair_pass(p, 60 * S);
		assert_unchanged(&p->b, &before);
		pair_pass(p, 40 * S);
	}
	p->network = network_good;
	free(r);
	pair_destroy(p);
}

#define ANYONE       "crypto dynamic-map dyn 1\n set transform-set ts\n"
#define ANYONE_ENTRY "crypto map m 100 ipsec-isakmp dynamic dyn"

// Who begins a phase 1 gets a cookie that goes before what strangers send: not for many messages,
// whatever they are, and from wherever.
static void cookie_for_a_flood(void **state)
{
	static const uint8_t kinds[] = {ISAKMP_EXCHANGE_MAIN,  ISAKMP_EXCHANGE_INFO,
	                                ISAKMP_EXCHANGE_QUICK, ISAKMP_EXCHANGE_MAIN,
	                                ISAKMP_EXCHANGE_INFO,  ISAKMP_EXCHANGE_INFO};
	struct pair_config b = {.rest = ANYONE, .entry = ANYONE_ENTRY};
	uint8_t first[1024];
	size_t len;

	(void)state;
	pair_first_message(first, &len);
	for (unsigned k = 0; k < sizeof(kinds); k++) {
		struct pair *p = pair_create(NULL, &b);
		struct fake_datagram d = pair_from_a(first, len), f;
		struct ike_sa *sa;

		p->network = network_is_cut;
		addr_parse("198.51.100.77", &d.src);
		side_receive(&p->b, &d);
		pair_settle(p);
		assert_int_equal(p->b.c.ike_sas.used, 1);
		sa = slab_at(&p->b.c.ike_sas, 0);
		assert_int_equal(p->b.c.dp->ike_tags[0], ike_sa_tag(sa));
		f = (struct fake_datagram){
			.src = d.src, .dst = d.dst, .src_port = 500, .dst_port = 500, .len = 60};
		memcpy(f.data, sa->cookie_i, 8);
		memcpy(f.data + 8, sa->cookie_r, 8);
		f.data[0] ^= k == 3; // another's
		f.data[16] = ISAKMP_NONCE;
		f.data[18] = kinds[k];
		f.data[27] = k == 4 ? 61 : 60;
		f.data[17] = k == 5 ? 0x20 : 0x10; // of version 2
		for (unsigned i = 0; i < 64; i++) {
			f.data[23] = (uint8_t)i;
			side_receive(&p->b, &f);
			pair_settle(p);
		}
		assert_int_equal(p->b.c.dp->ike_tags[0], 0);
		p->network = network_good;
		pair_pass(p, 40 * S);
		pair_destroy(p);
	}
}

// Forged first messages, no more than it takes to keep the table of peers full: a tunnel of ours
// comes up all the same.
static void strangers_fill_the_table(void **state)
{
	struct pair_config b = {.rest = ANYONE "crypto isakmp keepalive 10 2 periodic\n",
	                        .entry = ANYONE_ENTRY};
	struct fake_datagram d;
	uint8_t first[1024];
	struct pair *p;
	size_t len;
	unsigned n = 0;

	(void)state;
	pair_first_message(first, &len);
	p = pair_create(NULL, &b);
	for (unsigned s = 0; s < 40; s++) {
		for (unsigned k = 0; k < 8; k++, n++) {
			d = pair_from_a(first, len);
			addr_parse("198.51.100.1", &d.src);
			d.src.bytes[2] = (uint8_t)(n >> 8);
			d.src.bytes[3] = (uint8_t)n;
			d.data[0] = (uint8_t)(0x80 | n);
			side_receive(&p->b, &d);
		}
		p->network = network_is_cut; // nobody is at forged addresses
		pair_settle(p);
		p->network = network_good;
		if (s == 30)
			assert_false(side_packet(&p->b, NULL));
		pair_pass(p, S);
	}
	assert_in_range(p->b.c.strangers.n, p->b.c.peers.limit / 2, p->b.c.peers.limit);
	assert_int_equal(side_logged(&p->b, "Peer table is full"), 0);
	assert_true(side_packet(&p->b, NULL));
	assert_true(side_reaches(&p->b, &p->a));
	pair_pass(p, 60 * S);
	pair_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unprotected_is_rejected),
		cmocka_unit_test(forgeries_of_phase_2),
		cmocka_unit_test(forgeries_of_phase_1),
		cmocka_unit_test(noise),
		cmocka_unit_test(flood_of_first_messages),
		cmocka_unit_test(stranger_does_not_delay_us),
		cmocka_unit_test(unsupported_is_refused),
		cmocka_unit_test(refusal_in_clear),
		cmocka_unit_test(delete_and_more),
		cmocka_unit_test(deletes_of_unknown_spis),
		cmocka_unit_test(hello_with_other_cookies),
		cmocka_unit_test(everything_is_replayed),
		cmocka_unit_test(cookie_for_a_flood),
		cmocka_unit_test(strangers_fill_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
