// Transport mode with IPv6 through the real stages, out and in again: what stays in front, what
// comes back, what may not go through it (RFC 4303 3.1.1 and 3.3.4, RFC 4301 4.1, RFC 3948 3.1.2).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_udp.h>

#include "bytes.h"
#include "gate.h"
#include "iface6.h"
#include "ipv6.h"
#include "suites.h"

#define HEADER 40u

static const struct suite tried[] = {
	{SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE},
	{SA_CIPHER_AES_CBC, 32, SA_AUTH_HMAC_SHA256_128},
	{SA_CIPHER_CHACHA_POLY, 32, SA_AUTH_NONE},
	{SA_CIPHER_NULL, 0, SA_AUTH_HMAC_SHA1_96},
};

static struct ip_addr ours, peers;

static struct sa_spec transport(const struct suite *suite, bool udp)
{
	struct sa_spec spec = suite_spec(suite, 0);

	assert_int_equal(addr_parse("2001:db8:f::1", &ours), 0);
	assert_int_equal(addr_parse("2001:db8:f::2", &peers), 0);
	spec.local = ours;
	spec.remote = peers;
	spec.mode = SA_MODE_TRANSPORT;
	spec.selector =
		(struct selector){.local = prefix_host(&ours), .remote = prefix_host(&peers)};
	if (udp) {
		spec.encap = SA_ENCAP_UDP;
		spec.local_port = spec.remote_port = 4500;
	}
	return spec;
}

// A packet of the gateway's own to the peer: `extensions` of 8 bytes each, first of type `first`,
// the others routing headers; then `body` bytes of protocol `proto`.
static struct rte_mbuf *own_packet(const struct gate_flow *f, uint8_t first, unsigned extensions,
                                   uint8_t proto, uint16_t body)
{
	uint16_t len = (uint16_t)(HEADER + 8 * extensions + body);
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.pool);
	uint8_t *data = (uint8_t *)rte_pktmbuf_append(m, len);
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)data;

	for (unsigned i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7);
	*ip = (struct rte_ipv6_hdr){.vtc_flow = rte_cpu_to_be_32(6u << 28 | 0xb8u << 20 | 0x77),
	                            .payload_len = rte_cpu_to_be_16((uint16_t)(len - HEADER)),
	                            .proto = extensions ? first : proto,
	                            .hop_limits = 63};
	memcpy(ip->src_addr, ours.bytes, 16);
	memcpy(ip->dst_addr, peers.bytes, 16);
	for (unsigned i = 0; i < extensions; i++) {
		uint8_t *e = data + HEADER + 8 * i;

		memset(e, 0, 8);
		e[0] = i + 1 < extensions ? IPPROTO_ROUTING : proto;
		if (i == 0 && first == IPPROTO_HOPOPTS) {
			e[2] = 1; // PadN, four bytes behind
			e[3] = 4;
		} // else: a routing header of type 0 without a segment left, or a fragment header
	}
	packet_init(m, 0, 0);
	packet_of(m)->kind = PACKET_ROUTE6;
	packet_of(m)->flags = PACKET_MADE;
	packet_of(m)->out = 1;
	packet_of(m)->tunnel = f->tunnel;
	return m;
}

static bool encrypt(const struct gate_flow *f, struct rte_mbuf **m)
{
	return esp_out(gate_owner(f), m, 1) == 1;
}

// What classify would say of it.
static bool decrypt(struct rte_mbuf **m)
{
	const uint8_t *packet = rte_pktmbuf_mtod(*m, const uint8_t *);
	struct ipv6_chain chain;
	struct packet *p;
	bool udp;

	assert_true(ipv6_chain(packet, (*m)->data_len, &chain));
	udp = chain.proto == IPPROTO_UDP;
	packet_init(*m, 1, 0);
	p = packet_of(*m);
	p->kind = PACKET_ESP6;
	p->flags = (uint8_t)(PACKET_OUTER6 | (udp ? PACKET_IN_UDP : 0));
	p->payload = (uint16_t)(chain.payload + (udp ? 8 : 0));
	p->proto = chain.proto;
	return esp_in(gate.workers[0], m, 1) == 1;
}

static void expect_refused(const struct gate_flow *f, struct rte_mbuf *m, enum counter reason)
{
	uint64_t before = gate_counter(reason);

	assert_false(encrypt(f, &m));
	assert_int_equal(gate_counter(reason), before + 1);
}

static void there_and_back(const struct gate_flow *f, uint8_t first, unsigned extensions,
                           uint8_t proto, uint16_t body, bool udp)
{
	struct rte_mbuf *m = own_packet(f, first, extensions, proto, body);
	uint32_t front = HEADER + 8 * extensions, len = m->data_len;
	const struct rte_ipv6_hdr *ip;
	struct ipv6_chain chain;
	uint8_t before[2048];

	memcpy(before, rte_pktmbuf_mtod(m, void *), len);
	assert_true(encrypt(f, &m));
	ip = packet_ip6(m);
	assert_true(ipv6_chain((const uint8_t *)ip, m->data_len, &chain));
	assert_int_equal(chain.proto, udp ? IPPROTO_UDP : IPPROTO_ESP);
	assert_int_equal(chain.payload, front);
	assert_int_equal(rte_be_to_cpu_16(ip->payload_len) + HEADER, m->data_len);
	assert_memory_equal(ip->src_addr, before + 8, 32);
	assert_int_equal(ip->vtc_flow, ((struct rte_ipv6_hdr *)before)->vtc_flow);
	assert_int_equal(ip->hop_limits, 63);
	assert_int_equal(packet_of(m)->kind, PACKET_ROUTE6);
	if (udp)
		assert_int_equal(
			ipv6_sum(ip, IPPROTO_UDP, (const uint8_t *)ip + front, m->data_len - front),
			0xffff);
	assert_true(decrypt(&m));
	assert_int_equal(m->data_len, len);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), before, len);
	assert_int_equal(packet_of(m)->kind, PACKET_ROUTE6);
	assert_true(packet_of(m)->flags & PACKET_DECRYPTED);
	rte_pktmbuf_free(m);
}

static void round_trip(void **state)
{
	(void)state;
	for (unsigned t = 0; t < RTE_DIM(tried); t++) {
		for (int udp = 0; udp < 2; udp++) {
			struct gate_flow f = gate_flow_make(transport(&tried[t], udp));

			for (uint16_t body = 1; body < 70; body++)
				there_and_back(&f, 0, 0, IPPROTO_ICMPV6, body, udp);
			there_and_back(&f, 0, 0, IPPROTO_TCP, 1400, udp);
		}
	}
}

static void extensions_stay_in_front(void **state)
{
	struct gate_flow f = gate_flow_make(transport(&tried[0], false));

	(void)state;
	there_and_back(&f, IPPROTO_HOPOPTS, 1, IPPROTO_ICMPV6, 64, false);
	there_and_back(&f, IPPROTO_ROUTING, 1, IPPROTO_ICMPV6, 64, false);
	there_and_back(&f, IPPROTO_HOPOPTS, 2, IPPROTO_UDP, 64, false);
}

static void refused(void **state)
{
	struct gate_flow f = gate_flow_make(transport(&tried[0], false));
	struct gate_flow nat = gate_flow_make(transport(&tried[0], true));
	struct rte_mbuf *m = own_packet(&f, 0, 0, IPPROTO_ICMPV6, 64);

	(void)state;
	packet_of(m)->flags = 0;
	expect_refused(&f, m, DROP_ESP_FORWARDED);
	m = own_packet(&f, 0, 0, IPPROTO_ICMPV6, 64);
	packet_ip6(m)->src_addr[15]++;
	expect_refused(&f, m, DROP_ESP_FORWARDED);
	m = own_packet(&f, 0, 0, IPPROTO_ICMPV6, 64);
	packet_ip6(m)->dst_addr[15]++;
	expect_refused(&f, m, DROP_ESP_FORWARDED);
	expect_refused(&f, own_packet(&f, IPPROTO_FRAGMENT, 1, IPPROTO_ICMPV6, 64),
	               DROP_ESP_FRAGMENT);
	expect_refused(&nat, own_packet(&nat, IPPROTO_HOPOPTS, 1, IPPROTO_ICMPV6, 64),
	               DROP_ESP_INNER);
	// An extension header that is longer than the packet.
	m = own_packet(&f, IPPROTO_HOPOPTS, 1, IPPROTO_ICMPV6, 16);
	rte_pktmbuf_mtod(m, uint8_t *)[HEADER + 1] = 9;
	expect_refused(&f, m, DROP_ESP_INNER);
	expect_refused(&f, gate_packet(100, f.tunnel), DROP_ESP_FORWARDED);
}

// The headers in front are not authenticated: whoever changes them must not get further than that.
static void changed_in_front(void **state)
{
	struct gate_flow f = gate_flow_make(transport(&tried[0], false));
	struct rte_mbuf *m = own_packet(&f, 0, 0, IPPROTO_ICMPV6, 64);

	(void)state;
	assert_true(encrypt(&f, &m));
	packet_ip6(m)->src_addr[15]++;
	assert_false(decrypt(&m));
	assert_int_equal(gate_counter(DROP_ESP_SELECTOR), 1);
}

// Many random packets with a few bytes changed: none comes out as another, nothing is read beyond.
static void hostile(void **state)
{
	struct gate_flow f = gate_flow_make(transport(&tried[3], false));

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct rte_mbuf *m =
			own_packet(&f, IPPROTO_HOPOPTS, rng(3), IPPROTO_ICMPV6, (uint16_t)rng(100));
		struct ipv6_chain chain;
		uint8_t *data;

		assert_true(encrypt(&f, &m));
		data = rte_pktmbuf_mtod(m, uint8_t *);
		data[rng(m->data_len)] ^= (uint8_t)(1 + rng(255));
		if (!ipv6_chain(data, m->data_len, &chain) || chain.proto != IPPROTO_ESP ||
		    packet_ip6(m)->vtc_flow >> 4 == 0) {
			rte_pktmbuf_free(m);
			continue;
		}
		if (decrypt(&m))
			rte_pktmbuf_free(m);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, gate_start, gate_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(round_trip), TEST(extensions_stay_in_front),
		TEST(refused),    TEST(changed_in_front),
		TEST(hostile),
	};

	return cmocka_run_group_tests(tests, eal_start, eal_stop);
}
