// Transport mode through the real stages, out and in again: what of the IP header stays, what may
// not go through it, what comes of a NAT on the way (RFC 4303 3.1.1 and 3.3.4, RFC 4301 4.1, RFC
// 3948 3.1.2).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bytes.h"
#include "gate.h"
#include "sa_fill.h"

#define OURS  0xc0000201
#define PEERS 0xc000020b

static const struct suite gcm = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};

static struct sa_spec transport(const struct suite *suite, bool udp)
{
	struct sa_spec spec = suite_spec(suite, 0);

	spec.mode = SA_MODE_TRANSPORT;
	spec.selector = (struct selector){.local = prefix_host(&spec.local),
	                                  .remote = prefix_host(&spec.remote)};
	if (udp) {
		spec.encap = SA_ENCAP_UDP;
		spec.local_port = 4500;
		spec.remote_port = 40001;
	}
	return spec;
}

// A packet of the gateway's own to the peer, with `ihl` bytes of header and `len` in all.
static struct rte_mbuf *own_packet(const struct gate_flow *f, uint8_t proto, uint8_t ihl,
                                   uint16_t len)
{
	struct rte_mbuf *m = gate_packet(len, f->tunnel);
	struct rte_ipv4_hdr *ip = packet_ip(m);

	ip->version_ihl = (uint8_t)(0x40 | ihl / 4);
	ip->packet_id = rte_cpu_to_be_16(0x1234);
	ip->time_to_live = 17;
	ip->next_proto_id = proto;
	ip->src_addr = rte_cpu_to_be_32(OURS);
	ip->dst_addr = rte_cpu_to_be_32(PEERS);
	memset(ip + 1, 1, ihl - 20u); // no-operations
	packet_checksum_ipv4(ip);
	packet_of(m)->ihl = ihl;
	packet_of(m)->flags = PACKET_MADE;
	return m;
}

static bool encrypt(const struct gate_flow *f, struct rte_mbuf **m)
{
	return esp_out(gate_owner(f), m, 1) == 1;
}

// What classify would say of it.
static void arrive(struct rte_mbuf *m)
{
	uint8_t ihl = (packet_ip(m)->version_ihl & 15) * 4;

	gate_arrive(m);
	packet_of(m)->ihl = ihl;
	packet_of(m)->payload += ihl - 20;
}

static bool decrypt(struct rte_mbuf **m)
{
	arrive(*m);
	return esp_in(gate.workers[0], m, 1) == 1;
}

static void expect_refused(const struct gate_flow *f, struct rte_mbuf *m, enum counter reason)
{
	uint64_t before = gate_counter(reason),
		 drops = sa_table_at(gate.sas, f->out.index)->other_drops;

	assert_false(encrypt(f, &m));
	assert_int_equal(gate_counter(reason), before + 1);
	assert_int_equal(sa_table_at(gate.sas, f->out.index)->other_drops, drops + 1);
}

static void expect_drop(struct rte_mbuf *m, enum counter reason)
{
	uint64_t before = gate_counter(reason);

	assert_false(decrypt(&m));
	assert_int_equal(gate_counter(reason), before + 1);
}

static void check_outer(struct rte_mbuf *m, const struct rte_ipv4_hdr *before, bool udp)
{
	struct rte_ipv4_hdr *ip = packet_ip(m);

	assert_int_equal(rte_be_to_cpu_16(ip->total_length), rte_pktmbuf_data_len(m));
	assert_int_equal(rte_raw_cksum(ip, rte_ipv4_hdr_len(ip)), 0xffff);
	assert_int_equal(ip->next_proto_id, udp ? 17 : 50);
	assert_int_equal(ip->version_ihl, before->version_ihl);
	assert_int_equal(ip->type_of_service, before->type_of_service);
	assert_int_equal(ip->packet_id, before->packet_id);
	assert_int_equal(ip->fragment_offset, before->fragment_offset);
	assert_int_equal(ip->time_to_live, before->time_to_live);
	assert_memory_equal(&ip->src_addr, &before->src_addr, rte_ipv4_hdr_len(ip) - 12u);
	assert_int_equal(packet_of(m)->flags, PACKET_MADE | PACKET_NO_POLICY);
	assert_int_equal(packet_of(m)->kind, PACKET_ROUTE);
}

static void there_and_back(const struct gate_flow *f, uint8_t ihl, uint16_t body)
{
	uint16_t len = (uint16_t)(ihl + body);
	struct rte_mbuf *m = own_packet(f, 1, ihl, len), *copy = own_packet(f, 1, ihl, len);
	bool udp = f->spec.encap == SA_ENCAP_UDP;
	const uint8_t *esp;

	assert_true(encrypt(f, &m));
	check_outer(m, packet_ip(copy), udp);
	esp = rte_pktmbuf_mtod_offset(m, const uint8_t *, ihl + (udp ? 8 : 0));
	assert_int_equal(bytes_get_u32(esp), f->spec.spi);
	if (udp)
		assert_int_equal(bytes_get_u16(esp - 4), rte_pktmbuf_data_len(m) - ihl);
	assert_true(decrypt(&m));
	assert_int_equal(rte_pktmbuf_data_len(m), len);
	assert_memory_equal(packet_ip(m), packet_ip(copy), len);
	assert_int_equal(packet_of(m)->flags, PACKET_DECRYPTED);
	assert_int_equal(packet_of(m)->ihl, ihl);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(copy);
}

static void round_trip(void **state)
{
	static const uint16_t bodies[] = {0, 1, 2, 3, 8, 13, 14, 15, 16, 64, 500, 1400};
	static const uint8_t heads[] = {20, 24, 60};
	struct suite suites[SUITES_MAX];
	unsigned n = suites_all(suites);

	(void)state;
	for (unsigned i = 0; i < 2 * n; i++) {
		struct gate_flow f = gate_flow_make(transport(&suites[i / 2], i % 2));
		struct dp_sa_stats in, out;

		for (unsigned k = 0; k < sizeof(bodies) / sizeof(bodies[0]); k++)
			for (unsigned h = 0; h < sizeof(heads); h++)
				there_and_back(&f, heads[h], bodies[k]);
		dp_sa_stats(&gate, f.in, &in);
		dp_sa_stats(&gate, f.out, &out);
		assert_int_equal(in.packets, 3 * sizeof(bodies) / sizeof(bodies[0]));
		assert_int_equal(in.bytes, out.bytes);
		assert_int_equal(in.sequence, out.sequence);
		dp_sa_del(&gate, (struct handle[]){f.in, f.out}, 2);
		gate_turn();
		(void)gate_events(DP_EVENT_SA_GONE);
		dp_tunnel_del(&gate, f.tunnel);
		gate_turn();
	}
}

// Beside tunnels in one burst, with extended sequence numbers.
static void mixed_burst(void **state)
{
	struct sa_spec spec = transport(&gcm, false);
	struct gate_flow flows[4];
	struct rte_mbuf *pkts[16];

	(void)state;
	spec.esn = true;
	for (unsigned i = 0; i < 4; i++) // every other flow is of the same worker
		flows[i] = gate_flow_make(i < 2 ? spec : suite_spec(&gcm, 0));
	for (unsigned i = 0; i < 16; i++)
		pkts[i] = i % 4 < 2 ? own_packet(&flows[0], 1, 20, (uint16_t)(60 + i))
		                    : gate_packet((uint16_t)(60 + i), flows[2].tunnel);
	assert_ptr_equal(gate_owner(&flows[0]), gate_owner(&flows[2]));
	assert_int_equal(esp_out(gate_owner(&flows[0]), pkts, 16), 16);
	for (unsigned i = 0; i < 16; i++)
		arrive(pkts[i]);
	assert_int_equal(esp_in(gate.workers[0], pkts, 16), 16);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(rte_pktmbuf_data_len(pkts[i]), 60 + i);
		rte_pktmbuf_free(pkts[i]);
	}
}

// ---- out: what may not go --------------------------------------------------------------------

static void forwarded(void **state)
{
	struct gate_flow f = gate_flow_make(transport(&gcm, false));
	struct rte_mbuf *m = own_packet(&f, 1, 20, 100);

	(void)state;
	packet_of(m)->flags = 0; // somebody else says that he is the gateway
	expect_refused(&f, m, DROP_ESP_FORWARDED);
	m = own_packet(&f, 1, 20, 100);
	packet_ip(m)->src_addr = rte_cpu_to_be_32(OURS + 1); // another of our addresses
	expect_refused(&f, m, DROP_ESP_FORWARDED);
	m = own_packet(&f, 1, 20, 100);
	packet_ip(m)->dst_addr = rte_cpu_to_be_32(PEERS + 1);
	expect_refused(&f, m, DROP_ESP_FORWARDED);
	assert_int_equal(sa_table_at(gate.sas, f.out.index)->sequence, 0);
}

static void fragments(void **state)
{
	static const uint16_t bits[] = {RTE_IPV4_HDR_MF_FLAG, 10, RTE_IPV4_HDR_MF_FLAG | 10};
	struct gate_flow f = gate_flow_make(transport(&gcm, false));

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct rte_mbuf *m = own_packet(&f, 1, 20, 100);

		packet_ip(m)->fragment_offset = rte_cpu_to_be_16(bits[i]);
		expect_refused(&f, m, DROP_ESP_FRAGMENT);
	}
}

// Without DF it goes whole and is cut afterwards; with DF it does not go.
static void too_long(void **state)
{
	struct gate_flow f = gate_flow_make(transport(&gcm, false));
	uint16_t fits = 1500 - 8 - 8 - 2 - 16 - 2; // payload and header: 1464 bytes of text

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct rte_mbuf *m = own_packet(&f, 1, 20, i ? 1490 : fits);

		if (i < 2)
			packet_ip(m)->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
		if (i == 1) {
			expect_refused(&f, m, DROP_MTU);
			continue;
		}
		assert_true(encrypt(&f, &m));
		assert_true(i ? rte_pktmbuf_data_len(m) > 1500 : rte_pktmbuf_data_len(m) <= 1500);
		assert_true(decrypt(&m));
		rte_pktmbuf_free(m);
	}
}

static void no_room(void **state)
{
	struct gate_flow f = gate_flow_make(transport(&gcm, false));
	struct rte_mbuf *m = own_packet(&f, 1, 20, 100);

	(void)state;
	assert_non_null(rte_pktmbuf_prepend(m, rte_pktmbuf_headroom(m) - 10));
	memmove(rte_pktmbuf_mtod(m, char *), rte_pktmbuf_mtod_offset(m, char *, 118), 20);
	expect_refused(&f, m, DROP_NO_BUFFER);
}

static void lifetime(void **state)
{
	struct sa_spec spec = transport(&gcm, false);
	struct rte_mbuf *m;
	struct gate_flow f;

	(void)state;
	spec.hard_packets = 3;
	f = gate_flow_make(spec);
	for (unsigned i = 0; i < 5; i++) {
		m = own_packet(&f, 1, 20, 100);
		assert_int_equal(encrypt(&f, &m), i < 3);
		if (i < 3)
			rte_pktmbuf_free(m);
	}
	assert_int_equal(gate_counter(DROP_ESP_LIFETIME), 2);
	assert_int_equal(gate_events(DP_EVENT_SA_HARD), 1);
}

// ---- in --------------------------------------------------------------------------------------

// The next header is the protocol, whatever it is: 4 is no tunnel here, 59 is a dummy.
static void next_headers(void **state)
{
	struct gate_flow f = gate_flow_make(transport(&gcm, false));
	tick_t when;

	(void)state;
	for (unsigned proto = 0; proto < 256; proto++) {
		struct rte_mbuf *m = own_packet(&f, (uint8_t)proto, 20, 100);

		assert_true(encrypt(&f, &m));
		if (proto == ESP_NEXT_DUMMY) {
			expect_drop(m, DROP_ESP_DUMMY);
			continue;
		}
		assert_true(decrypt(&m));
		assert_int_equal(packet_ip(m)->next_proto_id, proto);
		assert_int_equal(rte_be_to_cpu_32(packet_ip(m)->src_addr), OURS);
		assert_int_equal(rte_pktmbuf_data_len(m), 100);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(sa_table_at(gate.sas, f.in.index)->other_drops, 0);
	assert_true(dp_sa_last_in(&gate, f.in, &when));
}

static void selectors(void **state)
{
	struct sa_spec spec = transport(&gcm, false);
	struct gate_flow f;
	struct rte_mbuf *m;

	(void)state;
	spec.selector.proto = 1;
	f = gate_flow_make(spec);
	m = own_packet(&f, 1, 20, 100);
	assert_true(encrypt(&f, &m));
	assert_true(decrypt(&m));
	rte_pktmbuf_free(m);
	m = own_packet(&f, 17, 20, 100);
	assert_true(encrypt(&f, &m));
	expect_drop(m, DROP_ESP_SELECTOR);
	// The header is not authenticated: the address of another host must not get in.
	m = own_packet(&f, 1, 20, 100);
	assert_true(encrypt(&f, &m));
	packet_ip(m)->src_addr = rte_cpu_to_be_32(OURS + 7);
	expect_drop(m, DROP_ESP_SELECTOR);
	assert_int_equal(sa_table_at(gate.sas, f.in.index)->bad_selector, 2);
}

static void bad_padding(void **state)
{
	static const struct suite null = {SA_CIPHER_NULL, 0, SA_AUTH_HMAC_SHA1_96};
	struct gate_flow f = gate_flow_make(transport(&null, false));
	struct sa mirror = *sa_table_at(gate.sas, f.out.index);

	(void)state;
	for (unsigned pad = 0; pad < 256; pad++) {
		struct rte_mbuf *m = own_packet(&f, 1, 20, 42); // 24 bytes of text, without padding
		struct crypto_item item = {.sa = &mirror, .text_len = 24};

		assert_true(encrypt(&f, &m));
		item.esp = rte_pktmbuf_mtod_offset(m, uint8_t *, 20);
		item.esp[8 + 22] = (uint8_t)pad;
		crypto_encrypt(gate.workers[0]->esp->crypto, &item, 1, crypto_engine(&mirror));
		if (pad)
			expect_drop(m, DROP_ESP_PADDING);
		else
			rte_pktmbuf_free(m);
	}
}

// A NAT changes the source on the way. The packet goes by the agreed address all the same; UDP's
// checksum, which covers addresses, is left out, ICMP's does not.
static void behind_nat(void **state)
{
	struct gate_flow f = gate_flow_make(transport(&gcm, true));
	struct ip_addr moved = addr_v4(0xc0000263);
	struct dp_event event;
	struct rte_mbuf *m;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		m = own_packet(&f, i ? 17 : 1, 20, 100);
		memset(rte_pktmbuf_mtod_offset(m, uint8_t *, 20), 0x55, 8);
		assert_true(encrypt(&f, &m));
		packet_ip(m)->src_addr = rte_cpu_to_be_32(0xc0000263);
		assert_true(decrypt(&m));
		assert_int_equal(rte_be_to_cpu_32(packet_ip(m)->src_addr), OURS);
		assert_int_equal(rte_ipv4_cksum(packet_ip(m)), 0);
		assert_int_equal(*rte_pktmbuf_mtod_offset(m, uint16_t *, 26), i ? 0 : 0x5555);
		rte_pktmbuf_free(m);
	}
	event = gate_event(DP_EVENT_SA_MOVED);
	assert_int_equal(event.kind, DP_EVENT_SA_MOVED);
	// What goes to the agreed address goes to where the peer is.
	dp_sa_move(&gate, f.out, &moved, 4369);
	gate_turn();
	m = own_packet(&f, 1, 20, 100);
	assert_true(encrypt(&f, &m));
	assert_int_equal(rte_be_to_cpu_32(packet_ip(m)->dst_addr), 0xc0000263);
	assert_int_equal(rte_ipv4_cksum(packet_ip(m)), 0);
	rte_pktmbuf_free(m);
}

static void between_its_ends_alone(void **state)
{
	struct sa_spec good = transport(&gcm, false), spec;
	struct ip_addr other = addr_v4(0xc0000263);

	(void)state;
	good.spi = 256;
	assert_int_equal(sa_fill_check(&good, SA_OUT), 0);
	spec = good;
	spec.selector.local.len = 24;
	assert_int_equal(sa_fill_check(&spec, SA_OUT), -EINVAL);
	spec = good;
	spec.selector.remote.len = 24;
	assert_int_equal(sa_fill_check(&spec, SA_IN), -EINVAL);
	spec = good;
	spec.selector.local = prefix_host(&other);
	assert_int_equal(sa_fill_check(&spec, SA_OUT), -EINVAL);
	spec = good;
	spec.selector.remote = prefix_host(&other);
	assert_int_equal(sa_fill_check(&spec, SA_OUT), -EINVAL);
	spec.encap = SA_ENCAP_UDP; // a NAT may have moved it
	assert_int_equal(sa_fill_check(&spec, SA_OUT), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gate_start, gate_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(round_trip), TEST(mixed_burst), TEST(forwarded),  TEST(fragments),
		TEST(too_long),   TEST(no_room),     TEST(lifetime),   TEST(next_headers),
		TEST(selectors),  TEST(bad_padding), TEST(behind_nat), TEST(between_its_ends_alone),
	};

	return cmocka_run_group_tests_name("transport", tests, eal_start, eal_stop);
}
