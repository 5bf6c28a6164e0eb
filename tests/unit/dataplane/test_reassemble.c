// Fragments for the gateway itself, put together by a worker alone: floods, what becomes of those
// that wait in vain and who hears of it, and memory that is not the pool's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bytes.h"
#include "gate.h"
#include "icmp6.h"
#include "iface6.h"
#include "ipv6.h"
#include "reassemble.h"

#define BODY 800u // of a whole datagram; each of two fragments has half of it

static int start(void **state)
{
	if (gate_start(state))
		return -1;
	gate.clock.hz = 1000000;
	gate.n_workers = 1; // every datagram is its own
	gate.workers[0]->tsc = 1000000;
	return reassemble_init(gate.workers[0]);
}

static int stop(void **state)
{
	reassemble_fini(gate.workers[0]);
	gate.n_workers = GATE_WORKERS;
	return gate_stop(state);
}

// The first or last fragment of an IPv4 datagram, of a protocol that nobody speaks.
static struct rte_mbuf *part4(uint16_t id, bool first, uint8_t flags)
{
	struct rte_mbuf *m = gate_packet(20 + BODY / 2, (struct handle){0});
	struct rte_ipv4_hdr *ip = packet_ip(m);

	ip->packet_id = id;
	ip->next_proto_id = 200;
	ip->fragment_offset =
		first ? rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG) : rte_cpu_to_be_16(BODY / 2 / 8);
	packet_checksum_ipv4(ip);
	packet_of(m)->kind = PACKET_FRAGMENT;
	packet_of(m)->flags = flags;
	return m;
}

static struct rte_mbuf *part6(uint32_t id, bool first)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.pool);
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(m, 48 + BODY / 2);

	if (!data)
		abort();
	memset(data, 0, 48 + BODY / 2);
	data[0] = 0x60;
	bytes_put_u16(data + 4, 8 + BODY / 2);
	data[6] = IPPROTO_FRAGMENT;
	memcpy(data + 8, (uint8_t[]){0x20, 1, 0xd, 0xb8, [15] = 5}, 16);
	memcpy(data + 24, (uint8_t[]){0x20, 1, 0xd, 0xb8, [15] = 1}, 16);
	data[40] = 200;
	bytes_put_u16(data + 42, first ? 1 : BODY / 2);
	bytes_put_u32(data + 44, id);
	packet_init(m, 0, 1000);
	packet_of(m)->kind = PACKET_FRAGMENT6;
	return m;
}

static struct rte_mbuf *give(struct rte_mbuf *m)
{
	struct worker *w = gate.workers[0];

	return (packet_is_ipv6(m) ? reassemble6 : reassemble)(w, &m, 1) ? m : NULL;
}

static void pause_for(uint64_t us)
{
	gate.workers[0]->tsc += us;
	reassemble_tick(gate.workers[0]);
}

static struct rte_mbuf *made(void)
{
	struct worker *w = gate.workers[0];

	return w->n_made ? w->made[--w->n_made] : NULL;
}

static void check_whole(struct rte_mbuf *m, uint32_t head)
{
	assert_non_null(m);
	assert_int_equal(rte_pktmbuf_data_len(m), head + BODY);
	rte_pktmbuf_free(m);
}

static void both_families(void **state)
{
	(void)state;
	assert_null(give(part4(1, true, 0)));
	assert_null(give(part6(1, false)));
	check_whole(give(part4(1, false, 0)), 20);
	check_whole(give(part6(1, true)), 40);
	assert_int_equal(gate_counter(COUNT_REASSEMBLED), 2);
	assert_int_equal(gate_counter(DROP_FRAGMENT), 0);
}

static struct rte_mbuf *of_protocol(struct rte_mbuf *m, uint8_t proto, uint32_t dst)
{
	packet_ip(m)->next_proto_id = proto;
	packet_ip(m)->dst_addr = rte_cpu_to_be_32(dst);
	packet_checksum_ipv4(packet_ip(m));
	return m;
}

// RFC 791, 3.2: datagrams of several protocols may have one identification at a time.
static void protocols(void **state)
{
	static const uint8_t protos[] = {1, 50, 17, 47, 51};
	const uint32_t dst = 0x0a020001, other = dst ^ 0x10101010; // 1 to one, 17 to the other

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(protos); i++)
		assert_null(give(of_protocol(part4(5, true, 0), protos[i], dst)));
	for (unsigned i = 0; i < RTE_DIM(protos); i++) {
		struct rte_mbuf *m = give(of_protocol(part4(5, false, 0), protos[i], dst));

		assert_non_null(m);
		assert_int_equal(packet_ip(m)->next_proto_id, protos[i]);
		assert_int_equal(packet_ip(m)->dst_addr, rte_cpu_to_be_32(dst));
		check_whole(m, 20);
	}
	assert_null(give(of_protocol(part4(6, true, 0), 1, dst)));
	assert_null(give(of_protocol(part4(6, false, 0), 17, other)));
	assert_int_equal(gate_counter(DROP_FRAGMENT), 1);
}

// Puts two fragments together whose ECN fields are these. False: they were dropped.
static bool meets(bool six, uint8_t first, uint8_t last, uint8_t *whole)
{
	struct rte_mbuf *m[2] = {six ? part6(7, true) : part4(7, true, 0),
	                         six ? part6(7, false) : part4(7, false, 0)};
	const uint8_t ecn[2] = {first, last};
	uint8_t *head;

	for (unsigned i = 0; i < 2; i++) {
		head = rte_pktmbuf_mtod(m[i], uint8_t *);
		head[1] = (uint8_t)((head[1] & (six ? 0xcf : 0xfc)) | ecn[i] << (six ? 4 : 0));
	}
	assert_null(give(m[1]));
	m[0] = give(m[0]);
	if (!m[0])
		return false;
	head = rte_pktmbuf_mtod(m[0], uint8_t *);
	*whole = six ? head[1] >> 4 & 3 : head[1] & 3;
	assert_true(six || rte_ipv4_cksum(packet_ip(m[0])) == 0);
	assert_int_equal(head[1] & (six ? 0x0f : 0xfc), six ? 0 : 0xb8);
	check_whole(m[0], six ? 40 : 20);
	return true;
}

// RFC 3168, 5.3.
static void congestion(void **state)
{
	static const struct {
		uint8_t first, last, whole;
	} good[] = {{0, 0, 0}, {1, 1, 1}, {2, 2, 2}, {3, 3, 3}, {2, 3, 3}, {3, 2, 3}, {1, 3, 3}};
	uint8_t whole;

	(void)state;
	for (unsigned six = 0; six < 2; six++) {
		for (unsigned i = 0; i < RTE_DIM(good); i++) {
			assert_true(meets(six, good[i].first, good[i].last, &whole));
			assert_int_equal(whole, good[i].whole);
		}
		assert_false(meets(six, 0, 3, &whole));
		assert_false(meets(six, 3, 0, &whole));
		assert_int_equal(gate_counter(DROP_FRAGMENT), 2 * (six + 1));
	}
}

// First fragments without end shorten the time that others have, and no more than that.
static void a_flood(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t id = 10000 + i;

		pause_for(100);
		assert_null(give(part4((uint16_t)id, true, 0)));
		assert_null(give(part6(id, true)));
		if (i % 100)
			continue;
		// Somebody's datagram, whose other half is a moment late.
		assert_null(give(part4((uint16_t)(1 + i / 100), false, 0)));
		assert_null(give(part6(1 + i / 100, true)));
		for (unsigned k = 0; k < 8; k++) {
			pause_for(100);
			assert_null(give(part4((uint16_t)(40000 + i * 8 + k), true, 0)));
		}
		check_whole(give(part4((uint16_t)(1 + i / 100), true, 0)), 20);
		check_whole(give(part6(1 + i / 100, false)), 40);
	}
	assert_int_equal(gate_counter(COUNT_REASSEMBLED), 100);
	assert_int_equal(gate_counter(COUNT_ICMP_SENT), 0);
}

// An empty fragment is none, and drives nobody out.
static void empty_ones(void **state)
{
	struct rte_mbuf *m = part4(2, true, 0);

	(void)state;
	assert_null(give(part4(1, true, 0)));
	m->data_len = 20;
	m->pkt_len = 20;
	packet_ip(m)->total_length = RTE_BE16(20);
	assert_null(give(m));
	assert_int_equal(gate_counter(DROP_FRAGMENT), 1);
	check_whole(give(part4(1, false, 0)), 20);
}

// The gateway has an address of IPv6, and errors that it may send.
static void may_answer(void)
{
	struct dp_iface_config *c = &gate.ifaces[0].config;

	c->up = true;
	c->n_addresses6 = 1;
	c->addresses6[0].address =
		(struct ip_addr){.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}};
	iface6_publish(&gate.ifaces[0]);
	gate.workers[0]->icmp.tokens = 9;
}

// RFC 1122, 3.3.2; RFC 8200, 4.5: whose first fragment came hears of the others.
static void time_exceeded(void **state)
{
	struct rte_mbuf *m;

	(void)state;
	may_answer();
	assert_null(give(part4(1, false, 0)));
	assert_null(give(part6(1, false)));
	pause_for(6000000);
	assert_int_equal(gate_counter(DROP_FRAGMENT), 2);
	assert_null(made());
	assert_null(give(part4(2, true, 0)));
	pause_for(4000000);
	assert_null(made());
	pause_for(2000000);
	m = made();
	assert_non_null(m);
	assert_memory_equal(packet_ip(m) + 1, "\13\1", 2);
	assert_int_equal(packet_ip(m)->dst_addr, rte_cpu_to_be_32(0x0a010001));
	rte_pktmbuf_free(m);
	assert_null(give(part6(2, true)));
	pause_for(6000000);
	m = made();
	assert_non_null(m);
	assert_memory_equal(packet_ip6(m) + 1, "\3\1", 2);
	rte_pktmbuf_free(m);
	assert_null(give(part4(3, true, PACKET_DECRYPTED)));
	pause_for(6000000);
	m = made();
	assert_non_null(m);
	assert_int_equal(packet_of(m)->flags, PACKET_MADE | PACKET_QUOTES);
	rte_pktmbuf_free(m);
	assert_null(made());
}

// The sender of this fragment hears that byte `at` of it is wrong; 0: nothing.
static void complains(struct rte_mbuf *about, uint8_t at)
{
	const uint8_t want[8] = {4, 0, [7] = at};
	struct rte_mbuf *m;
	uint8_t *icmp;

	assert_null(give(about));
	m = made();
	assert_true(!m == !at);
	if (!m)
		return;
	icmp = (uint8_t *)(packet_ip6(m) + 1);
	memset(icmp + 2, 0, 2);
	assert_memory_equal(icmp, want, sizeof(want));
	rte_pktmbuf_free(m);
}

static struct rte_mbuf *cut_to(struct rte_mbuf *m, uint16_t len)
{
	rte_pktmbuf_trim(m, (uint16_t)(rte_pktmbuf_data_len(m) - 48 - len));
	packet_ip6(m)->payload_len = rte_cpu_to_be_16((uint16_t)(8 + len));
	return m;
}

static struct rte_mbuf *moved_to(struct rte_mbuf *m, uint16_t offset, uint8_t proto)
{
	uint8_t *head = rte_pktmbuf_mtod_offset(m, uint8_t *, 40);

	head[0] = proto;
	bytes_put_u16(head + 2, offset);
	return m;
}

// With `n` headers of options in front of the fragment header, which say nothing.
static struct rte_mbuf *behind_options(struct rte_mbuf *m, unsigned n)
{
	uint8_t *data = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)(8 * n));

	memmove(data, data + 8 * n, 40);
	data[6] = n ? IPPROTO_HOPOPTS : IPPROTO_FRAGMENT;
	for (unsigned i = 0; i < n; i++) {
		uint8_t next = i + 1 < n ? IPPROTO_DSTOPTS : IPPROTO_FRAGMENT;

		memcpy(data + 40 + 8 * i, (uint8_t[8]){next, 0, 1, 4}, 8);
	}
	bytes_put_u16(data + 4, (uint16_t)(rte_pktmbuf_data_len(m) - 40));
	return m;
}

// RFC 8200, 4.5: a length that only the last fragment may have, and an end beyond all packets.
static void fragments_that_are_none(void **state)
{
	(void)state;
	may_answer();
	complains(cut_to(part6(1, true), 101), 4);
	complains(behind_options(moved_to(part6(1, false), 0xfe68, 200), 1), 50);
	complains(cut_to(part6(1, true), 0), 0);
	complains(moved_to(part6(1, false), 0xfff8, 200), 42);
	complains(moved_to(part6(1, false), 0xfff8, IPPROTO_ICMPV6), 0); // it may be an error
	complains(moved_to(part6(1, false), 0xfff8, IPPROTO_DSTOPTS), 0);
	assert_int_equal(gate_counter(DROP_FRAGMENT), 6);
	complains(cut_to(moved_to(part6(1, false), 0xff80, 200), 127), 0); // just so
	assert_int_equal(gate_counter(DROP_FRAGMENT), 6);
}

// RFC 8200, 4.5: extension headers that routers or we read, in front of a fragment header, of some
// fragments or all.
static void fragments_behind_options(void **state)
{
	struct rte_mbuf *m;

	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		assert_null(give(behind_options(part6(i, i & 1), i / 3)));
		m = give(behind_options(part6(i, !(i & 1)), i % 3));
		assert_non_null(m);
		assert_int_equal(packet_ip6(m)->proto, 200);
		check_whole(m, 40);
	}
	// An atomic one.
	m = give(behind_options(moved_to(part6(9, true), 0, 200), 2));
	assert_non_null(m);
	assert_int_equal(rte_pktmbuf_data_len(m), 40 + BODY / 2);
	rte_pktmbuf_free(m);
	assert_int_equal(gate_counter(COUNT_REASSEMBLED), 10);
}

// ---- copies ------------------------------------------------------------------------------------

#define QUARTER (BODY / 4)

// Fragment k of four; its data are bytes of this value.
static struct rte_mbuf *quarter(bool six, uint16_t id, unsigned k, uint8_t value)
{
	struct rte_mbuf *m = six ? part6(id, true) : part4(id, true, 0);
	uint32_t head = six ? 48 : 20;
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t offset = (uint16_t)(k * QUARTER);

	rte_pktmbuf_trim(m, BODY / 2 - QUARTER);
	memset(data + head, value, QUARTER);
	if (six) {
		bytes_put_u16(data + 4, 8 + QUARTER);
		bytes_put_u16(data + 42, offset | (k < 3));
		return m;
	}
	packet_ip(m)->total_length = RTE_BE16(20 + QUARTER);
	packet_ip(m)->fragment_offset =
		rte_cpu_to_be_16((uint16_t)(offset / 8 | (k < 3 ? RTE_IPV4_HDR_MF_FLAG : 0)));
	packet_checksum_ipv4(packet_ip(m));
	return m;
}

static void check_quarters(bool six, struct rte_mbuf *m)
{
	uint32_t head = six ? 40 : 20;

	assert_non_null(m);
	assert_int_equal(rte_pktmbuf_data_len(m), head + BODY);
	for (unsigned i = 0; i < BODY; i++)
		assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[head + i], i / QUARTER);
	rte_pktmbuf_free(m);
}

// RFC 791, 3.2; RFC 8200, 4.5: the network may bring any fragment twice, at any time.
static void copies(void **state)
{
	uint64_t dropped = 0;

	(void)state;
	for (uint16_t id = 0; id < 2 * 24; id++) {
		bool six = id & 1;
		unsigned first = id / 2 % 4, copied = id / 2 / 4 % 3;

		// All but the last to come, and one of them a few times more.
		for (unsigned i = 0; i < 3; i++) {
			unsigned k = (first + i) % 4;

			assert_null(give(quarter(six, id, k, (uint8_t)k)));
			for (unsigned copy = 0; i >= copied && copy < 4; copy++, dropped++) {
				k = (first + copied) % 4;
				assert_null(give(quarter(six, id, k, (uint8_t)k)));
			}
		}
		check_quarters(six,
		               give(quarter(six, id, (first + 3) % 4, (uint8_t)((first + 3) % 4))));
	}
	assert_int_equal(gate_counter(DROP_FRAGMENT_COPY), dropped);
	assert_int_equal(gate_counter(DROP_FRAGMENT), 0);
}

// Other data at the same place: of IPv4 the first one stays, of IPv6 all go (RFC 5722, 3), and the
// datagram may be sent once more.
static void other_data(void **state)
{
	struct rte_mbuf *m = NULL;

	(void)state;
	for (uint16_t k = 0; k < 4; k++) {
		for (unsigned six = 0; six < 2; six++) {
			for (unsigned i = 0; i < 4; i++) {
				unsigned at = (k + i) % 4;

				m = give(quarter(six, k, at, (uint8_t)at));
				if (i == 0)
					assert_null(give(quarter(six, k, k, 9)));
			}
			if (six)
				assert_null(m);
			for (unsigned at = 0; six && !m && at < 4; at++)
				m = give(quarter(six, k, at, (uint8_t)at));
			check_quarters(six, m);
		}
	}
}

// What was given up is not waiting: a datagram that is sent once more is whole.
static void sent_once_more(void **state)
{
	(void)state;
	for (unsigned six = 0; six < 2; six++) {
		assert_null(give(quarter(six, 1, 0, 0)));
		assert_null(give(quarter(six, 1, 2, 2)));
		pause_for(5500000);
		assert_int_equal(gate_counter(DROP_FRAGMENT), 2);
		for (unsigned k = 0; k < 3; k++)
			assert_null(give(quarter(six, 1, k, (uint8_t)k)));
		check_quarters(six, give(quarter(six, 1, 3, 3)));
		// ... nor is what was whole, or what others made go.
		for (unsigned k = 0; k < 3; k++)
			assert_null(give(quarter(six, 1, k, (uint8_t)k)));
		check_quarters(six, give(quarter(six, 1, 3, 3)));
		assert_null(give(quarter(six, 2, 0, 0)));
		for (uint16_t id = 0; id < 300; id++) {
			pause_for(100);
			assert_null(give(quarter(six, (uint16_t)(100 + id), 0, 0)));
		}
		for (unsigned k = 0; k < 3; k++)
			assert_null(give(quarter(six, 2, k, (uint8_t)k)));
		check_quarters(six, give(quarter(six, 2, 3, 3)));
		assert_int_equal(gate_counter(DROP_FRAGMENT_COPY), 0);
		pause_for(5500000);
		gate.workers[0]->counters[DROP_FRAGMENT] = 0;
	}
	assert_int_equal(gate_counter(COUNT_REASSEMBLED), 6);
}

static void count_free(void *addr, void *count)
{
	(void)addr;
	++*(unsigned *)count;
}

// A port may bring memory of its own: it is given back to it.
static void memory_of_others(void **state)
{
	static uint8_t memory[2048];
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.pool), *like = part4(1, true, 0);
	struct rte_mbuf_ext_shared_info info = {.free_cb = count_free};
	unsigned freed = 0;

	(void)state;
	info.fcb_opaque = &freed;
	rte_mbuf_ext_refcnt_set(&info, 1);
	rte_pktmbuf_attach_extbuf(m, memory, RTE_BAD_IOVA, sizeof(memory), &info);
	memcpy(rte_pktmbuf_append(m, like->data_len), packet_ip(like), like->data_len);
	*packet_of(m) = *packet_of(like);
	rte_pktmbuf_free(like);
	assert_null(give(m));
	pause_for(6000000);
	assert_int_equal(freed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_families),
		TEST(congestion),
		TEST(protocols),
		TEST(a_flood),
		TEST(empty_ones),
		TEST(time_exceeded),
		TEST(fragments_that_are_none),
		TEST(fragments_behind_options),
		TEST(copies),
		TEST(other_data),
		TEST(sent_once_more),
		TEST(memory_of_others),
	};

	return cmocka_run_group_tests_name("reassemble", tests, eal_start, eal_stop);
}
