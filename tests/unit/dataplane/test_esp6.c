// ESP tunnels with IPv6 inside, outside and both, without IKE: what one flow of a gateway encrypts
// its other end decrypts; headers, selectors, congestion marks, sizes, UDP, moving peers.
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
#include "split.h"
#include "suites.h"

static const struct suite gcm = {SA_CIPHER_AES_GCM_16, 16, SA_AUTH_NONE};
static const struct suite cbc = {SA_CIPHER_AES_CBC, 32, SA_AUTH_HMAC_SHA256_128};

static struct ip_addr six(const char *text)
{
	struct ip_addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

// From 2001:db8:1::/64 to 2001:db8:2::/64, or as suite_spec() says; the outer addresses likewise.
static struct sa_spec spec_of(const struct suite *s, bool outer6, bool inner6)
{
	struct ip_addr local = six("2001:db8:1::"), remote = six("2001:db8:2::");
	struct sa_spec spec = suite_spec(s, 0);

	if (outer6) {
		spec.local = six("2001:db8:f::1");
		spec.remote = six("2001:db8:f::2");
	}
	if (inner6) {
		spec.selector.local = prefix_make(&local, 64);
		spec.selector.remote = prefix_make(&remote, 64);
	}
	return spec;
}

// An inner IPv6 packet of `len` bytes, UDP from port 1000 to 2000.
static struct rte_mbuf *packet6(uint16_t len, struct handle tunnel)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(gate.pool);
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)rte_pktmbuf_append(m, len);
	uint8_t *data = (uint8_t *)ip;

	for (unsigned i = 40; i < len; i++)
		data[i] = (uint8_t)(i * 7);
	*ip = (struct rte_ipv6_hdr){.vtc_flow = rte_cpu_to_be_32(6u << 28 | 0xb8u << 20 | 0x77),
	                            .payload_len = rte_cpu_to_be_16((uint16_t)(len - 40)),
	                            .proto = 17,
	                            .hop_limits = 63};
	memcpy(ip->src_addr, six("2001:db8:1::5").bytes, 16);
	memcpy(ip->dst_addr, six("2001:db8:2::6").bytes, 16);
	if (len >= 48) {
		bytes_put_u16(data + 40, 1000);
		bytes_put_u16(data + 42, 2000);
	}
	packet_init(m, 0, 0);
	packet_of(m)->kind = PACKET_ROUTE6;
	packet_of(m)->out = 1;
	packet_of(m)->tunnel = tunnel;
	return m;
}

static struct rte_mbuf *inner_of(const struct gate_flow *f, uint16_t len)
{
	return f->spec.selector.local.addr.family == 6 ? packet6(len, f->tunnel)
	                                               : gate_packet(len, f->tunnel);
}

static struct rte_mbuf *encrypt(const struct gate_flow *f, struct rte_mbuf *m)
{
	return esp_out(gate_owner(f), &m, 1) ? m : NULL;
}

// What classify would say of an outer packet.
static void arrive(struct rte_mbuf *m)
{
	bool udp;

	if (!packet_is_ipv6(m)) {
		gate_arrive(m);
		return;
	}
	udp = packet_ip6(m)->proto == IPPROTO_UDP;
	packet_init(m, 1, 0);
	packet_of(m)->kind = PACKET_ESP6;
	packet_of(m)->flags = PACKET_OUTER6 | (udp ? PACKET_IN_UDP : 0);
	packet_of(m)->payload = udp ? 48 : 40;
}

static bool decrypt(struct rte_mbuf **m)
{
	arrive(*m);
	return esp_in(gate.workers[gate_rss], m, 1) == 1;
}

static uint8_t class_of(struct rte_mbuf *m)
{
	return (uint8_t)(rte_be_to_cpu_32(packet_ip6(m)->vtc_flow) >> 20);
}

static void check_outer6(const struct gate_flow *f, struct rte_mbuf *m, uint32_t inner_len)
{
	const struct rte_ipv6_hdr *ip = packet_ip6(m);
	uint32_t align = sa_table_at(gate.sas, f->out.index)->align;
	uint32_t text = (inner_len + 2 + align - 1) & ~(align - 1);
	uint32_t rest = 8 + sa_iv_len(f->spec.cipher) + sa_icv_len(f->spec.cipher, f->spec.auth);

	assert_int_equal(rte_be_to_cpu_32(ip->vtc_flow) >> 28, 6);
	assert_int_equal(class_of(m), 0xb8);
	assert_int_equal(ip->hop_limits, 64);
	assert_memory_equal(ip->src_addr, f->spec.local.bytes, 16);
	assert_memory_equal(ip->dst_addr, f->spec.remote.bytes, 16);
	assert_int_equal(ip->proto, f->spec.encap == SA_ENCAP_UDP ? 17 : 50);
	assert_int_equal(rte_be_to_cpu_16(ip->payload_len),
	                 (f->spec.encap == SA_ENCAP_UDP ? 8u : 0) + rest + text);
	assert_int_equal(rte_pktmbuf_data_len(m), 40 + rte_be_to_cpu_16(ip->payload_len));
	assert_int_equal(packet_of(m)->kind, PACKET_ROUTE6);
	assert_int_equal(packet_of(m)->flags, PACKET_MADE | PACKET_NO_POLICY);
	if (f->spec.encap == SA_ENCAP_UDP)
		assert_int_equal(
			ipv6_sum(ip, IPPROTO_UDP, ip + 1, rte_be_to_cpu_16(ip->payload_len)),
			0xffff);
}

static void round_trip(const struct suite *s, bool outer6, bool inner6, bool udp, uint16_t len)
{
	struct sa_spec spec = spec_of(s, outer6, inner6);
	struct gate_flow f;
	struct rte_mbuf *m;
	uint8_t copy[2000];

	if (udp) {
		spec.encap = SA_ENCAP_UDP;
		spec.local_port = 4500;
		spec.remote_port = 4501;
	}
	f = gate_flow_make(spec);
	for (unsigned i = 0; i < 3; i++) {
		m = inner_of(&f, len);
		memcpy(copy, rte_pktmbuf_mtod(m, void *), len);
		m = encrypt(&f, m);
		assert_non_null(m);
		assert_int_equal(packet_is_ipv6(m), outer6);
		if (outer6)
			check_outer6(&f, m, len);
		else
			assert_int_equal(packet_ip(m)->type_of_service, 0xb8);
		assert_true(decrypt(&m));
		assert_int_equal(rte_pktmbuf_data_len(m), len);
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), copy, len);
		assert_int_equal(packet_of(m)->kind, inner6 ? PACKET_ROUTE6 : PACKET_ROUTE);
		assert_int_equal(packet_of(m)->flags, PACKET_DECRYPTED);
		rte_pktmbuf_free(m);
	}
	dp_sa_del(&gate, &f.in, 1);
	dp_sa_del(&gate, &f.out, 1);
	dp_tunnel_del(&gate, f.tunnel);
	gate_turn();
	assert_int_equal(gate_events(DP_EVENT_SA_GONE), 2);
}

static void all_combinations(void **state)
{
	struct suite suites[SUITES_MAX];
	unsigned n = suites_all(suites);

	(void)state;
	for (unsigned c = 0; c < 8; c++) {
		for (uint16_t len = 48; len < 70; len++)
			round_trip(c & 1 ? &gcm : &cbc, c & 2, c & 4, len & 1, len);
		if (c < 4)
			for (unsigned s = 0; s < n; s++)
				round_trip(&suites[s], c & 1, c & 2, s & 1, 999);
	}
}

// Extended sequence numbers (RFC 4303, 2.2.1) across a wrap of the half that is sent, each packet
// once.
static void extended_numbers(void **state)
{
	static const struct suite chacha = {SA_CIPHER_CHACHA_POLY, 32, SA_AUTH_NONE};
	const struct suite *suites[] = {&gcm, &cbc, &chacha};
	const uint64_t wrap = UINT32_MAX + 1ull;

	(void)state;
	for (unsigned c = 0; c < 24; c++) {
		struct sa_spec spec = spec_of(suites[c % 3], c & 4, c & 8);
		struct rte_mbuf *m, *copy;
		struct gate_flow f;

		spec.esn = true;
		if (c >= 16 || c % 5 == 0) {
			spec.encap = SA_ENCAP_UDP;
			spec.local_port = spec.remote_port = 4500;
		}
		f = gate_flow_make(spec);
		sa_table_at(gate.sas, f.out.index)->sequence = 7 * wrap - 3;
		replay_commit(&sa_table_at(gate.sas, f.in.index)->replay, 7 * wrap - 3);
		for (unsigned i = 0; i < 6; i++) {
			m = encrypt(&f, inner_of(&f, 100));
			assert_non_null(m);
			copy = rte_pktmbuf_copy(m, gate.pool, 0, UINT32_MAX);
			assert_true(decrypt(&m));
			assert_false(decrypt(&copy));
			rte_pktmbuf_free(m);
		}
		assert_int_equal(sa_table_at(gate.sas, f.in.index)->replay.top, 7 * wrap + 3);
		dp_sa_del(&gate, (struct handle[]){f.in, f.out}, 2);
		dp_tunnel_del(&gate, f.tunnel);
		gate_turn();
		assert_int_equal(gate_events(DP_EVENT_SA_GONE), 2);
	}
	assert_int_equal(gate_counter(DROP_ESP_REPLAY), 24 * 6);
}

static void alter_and_replay(void **state)
{
	struct gate_flow f = gate_flow_make(spec_of(&gcm, true, true));
	struct rte_mbuf *m = encrypt(&f, inner_of(&f, 100)), *copy;

	(void)state;
	assert_non_null(m);
	copy = rte_pktmbuf_copy(m, gate.pool, 0, UINT32_MAX);
	rte_pktmbuf_mtod(copy, uint8_t *)[70] ^= 1;
	assert_false(decrypt(&copy));
	assert_int_equal(gate_counter(DROP_ESP_AUTH), 1);
	copy = rte_pktmbuf_copy(m, gate.pool, 0, UINT32_MAX);
	assert_true(decrypt(&m));
	rte_pktmbuf_free(m);
	assert_false(decrypt(&copy));
	assert_int_equal(gate_counter(DROP_ESP_REPLAY), 1);
}

// A packet must come as the SA was made: over its family, with UDP or without, with its family
// inside.
static void other_forms(void **state)
{
	struct gate_flow f = gate_flow_make(spec_of(&gcm, true, true));
	struct rte_mbuf *m = encrypt(&f, inner_of(&f, 100));

	(void)state;
	arrive(m);
	packet_of(m)->flags = 0;
	packet_of(m)->kind = PACKET_ESP;
	assert_int_equal(esp_in(gate.workers[0], &m, 1), 0);
	assert_int_equal(gate_counter(DROP_ESP_ENCAP), 1);
	m = encrypt(&f, inner_of(&f, 100));
	arrive(m);
	packet_of(m)->flags |= PACKET_IN_UDP;
	assert_int_equal(esp_in(gate.workers[0], &m, 1), 0);
	assert_int_equal(gate_counter(DROP_ESP_ENCAP), 2);
	assert_null(encrypt(&f, gate_packet(100, f.tunnel)));
	assert_int_equal(gate_counter(DROP_ESP_INNER), 1);
}

static bool passes(struct sa_spec spec, struct rte_mbuf *(*make)(struct handle))
{
	struct sa_spec sender = spec;
	struct gate_flow f;
	struct sa *in;
	struct rte_mbuf *m;
	bool good;

	f = gate_flow_make(sender);
	in = sa_table_at(gate.sas, f.in.index);
	assert_non_null(in);
	m = encrypt(&f, make(f.tunnel));
	assert_non_null(m);
	good = decrypt(&m);
	if (good)
		rte_pktmbuf_free(m);
	return good;
}

static struct rte_mbuf *plain(struct handle tunnel)
{
	return packet6(100, tunnel);
}

static struct rte_mbuf *from_elsewhere(struct handle tunnel)
{
	struct rte_mbuf *m = packet6(100, tunnel);

	packet_ip6(m)->src_addr[5] ^= 1; // 2001:d_b_8...
	return m;
}

static struct rte_mbuf *to_elsewhere(struct handle tunnel)
{
	struct rte_mbuf *m = packet6(100, tunnel);

	packet_ip6(m)->dst_addr[7] ^= 1;
	return m;
}

static struct rte_mbuf *later_fragment(struct handle tunnel)
{
	struct rte_mbuf *m = packet6(100, tunnel);
	uint8_t *fragment = rte_pktmbuf_mtod_offset(m, uint8_t *, 40);

	packet_ip6(m)->proto = IPPROTO_FRAGMENT;
	memset(fragment, 0, 8);
	fragment[0] = 17;
	fragment[3] = 8;
	return m;
}

static void selectors(void **state)
{
	struct sa_spec spec = spec_of(&gcm, true, true);

	(void)state;
	assert_true(passes(spec, plain));
	assert_false(passes(spec, from_elsewhere));
	assert_false(passes(spec, to_elsewhere));
	assert_int_equal(gate_counter(DROP_ESP_SELECTOR), 2);
	assert_true(passes(spec, later_fragment));
	spec.selector.proto = 17;
	assert_true(passes(spec, plain));
	assert_true(passes(spec, later_fragment));
	spec.selector.remote_port = 2000; // from the sender's side
	assert_true(passes(spec, plain));
	assert_false(passes(spec, later_fragment));
	spec.selector.remote_port = 2001;
	assert_false(passes(spec, plain));
	spec.selector.remote_port = 0;
	spec.selector.proto = 6;
	assert_false(passes(spec, plain));
	assert_int_equal(gate_counter(DROP_ESP_SELECTOR), 5);
}

// RFC 6040 4.2.
static void congestion(void **state)
{
	static const uint8_t becomes[4][4] = {// outer: not-ECT, ECT(1), ECT(0), CE; 9 = dropped
	                                      {0, 0, 0, 9},
	                                      {1, 1, 1, 3},
	                                      {2, 1, 2, 3},
	                                      {3, 3, 3, 3}};
	struct gate_flow f = gate_flow_make(spec_of(&gcm, true, true));

	(void)state;
	for (uint8_t inner = 0; inner < 4; inner++) {
		for (uint8_t outer = 0; outer < 4; outer++) {
			struct rte_mbuf *m = packet6(100, f.tunnel);
			uint32_t mark = rte_cpu_to_be_32(3u << 20);

			packet_ip6(m)->vtc_flow &= ~mark;
			packet_ip6(m)->vtc_flow |= rte_cpu_to_be_32((uint32_t)inner << 20);
			m = encrypt(&f, m);
			assert_int_equal(class_of(m) & 3, inner);
			packet_ip6(m)->vtc_flow &= ~mark;
			packet_ip6(m)->vtc_flow |= rte_cpu_to_be_32((uint32_t)outer << 20);
			assert_int_equal(decrypt(&m), becomes[inner][outer] != 9);
			if (becomes[inner][outer] == 9)
				continue;
			assert_int_equal(class_of(m), 0xb8 | becomes[inner][outer]);
			assert_int_equal(rte_be_to_cpu_32(packet_ip6(m)->vtc_flow) & 0xfffff, 0x77);
			rte_pktmbuf_free(m);
		}
	}
	assert_int_equal(gate_counter(DROP_ESP_ECN), 1);
}

static struct rte_mbuf *made(void)
{
	struct worker *w = gate.workers[0];

	return w->n_made ? w->made[--w->n_made] : NULL;
}

static void own_address(uint16_t i)
{
	struct dp_iface_config *c = &gate.ifaces[i].config;

	c->up = true;
	c->n_addresses6 = 1;
	c->addresses6[0].address = six("2001:db8:f::1");
	iface6_publish(&gate.ifaces[i]);
}

// The sender hears exactly what fits; that much does.
static void too_long(void **state)
{
	struct gate_flow f = gate_flow_make(spec_of(&gcm, true, true));
	struct rte_mbuf *m, *error;
	uint32_t mtu;

	(void)state;
	own_address(0);
	gate.workers[0]->icmp_sizes.tokens = 9;
	assert_null(encrypt(&f, packet6(1460, f.tunnel)));
	assert_int_equal(gate_counter(DROP_MTU), 1);
	error = made();
	assert_non_null(error);
	assert_int_equal(packet_of(error)->kind, PACKET_ROUTE6);
	assert_int_equal(rte_pktmbuf_mtod(error, uint8_t *)[40], 2);
	mtu = bytes_get_u32(rte_pktmbuf_mtod_offset(error, uint8_t *, 44));
	assert_int_equal(mtu, 1426);
	rte_pktmbuf_free(error);
	m = encrypt(&f, packet6((uint16_t)mtu, f.tunnel));
	assert_non_null(m);
	assert_int_equal(rte_pktmbuf_data_len(m), 1500);
	rte_pktmbuf_free(m);
	assert_null(encrypt(&f, packet6((uint16_t)(mtu + 1), f.tunnel)));
	rte_pktmbuf_free(made());
	// IPv6 has an MTU of its own.
	gate.ifaces[1].mtu = 1000;
	gate.ifaces[1].mtu6 = 1400;
	assert_null(encrypt(&f, packet6(1327, f.tunnel)));
	error = made();
	assert_int_equal(bytes_get_u32(rte_pktmbuf_mtod_offset(error, uint8_t *, 44)), 1326);
	rte_pktmbuf_free(error);
	m = encrypt(&f, packet6(1326, f.tunnel));
	assert_non_null(m);
	rte_pktmbuf_free(m);
	gate.ifaces[1].mtu6 = 0;
	gate.ifaces[1].mtu = 1500;
	// A path so narrow that 1280 bytes do not fit: the packet goes, and the outer one is cut
	// where it leaves (RFC 2473 7.1; test_outer6.c).
	dp_sa_path_mtu(&gate, f.out, 1300);
	gate_turn();
	m = encrypt(&f, packet6(1280, f.tunnel));
	assert_non_null(m);
	rte_pktmbuf_free(m);
	assert_null(encrypt(&f, packet6(1281, f.tunnel)));
	error = made();
	assert_int_equal(bytes_get_u32(rte_pktmbuf_mtod_offset(error, uint8_t *, 44)), 1280);
	rte_pktmbuf_free(error);
}

// What the gateway made itself is cut before encryption: the parts make the packet again.
static void own_too_long(bool outer6, uint16_t len)
{
	struct gate_flow f = gate_flow_make(spec_of(&gcm, outer6, true));
	struct rte_mbuf *m = packet6(len, f.tunnel), *parts[WORKER_BURST];
	struct rte_mbuf *whole = packet6(len, f.tunnel);
	struct worker *w = gate_owner(&f);
	uint32_t at = 0, id = 0;
	uint16_t n;

	packet_of(m)->flags = PACKET_MADE;
	assert_null(encrypt(&f, m));
	n = split_parts(w, parts);
	assert_int_equal(n, 2);
	assert_int_equal(esp_out(w, parts, n), n);
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *inner;
		uint32_t have;

		assert_in_range(rte_pktmbuf_data_len(parts[i]), 100, 1500);
		assert_true(decrypt(&parts[i]));
		inner = rte_pktmbuf_mtod(parts[i], uint8_t *);
		have = rte_pktmbuf_data_len(parts[i]) - 48;
		assert_int_equal(packet_ip6(parts[i])->proto, IPPROTO_FRAGMENT);
		assert_int_equal(inner[40], 17);
		assert_int_equal(bytes_get_u16(inner + 42), at | (i + 1 < n));
		assert_true(i == 0 || bytes_get_u32(inner + 44) == id);
		id = bytes_get_u32(inner + 44);
		assert_memory_equal(inner + 48, rte_pktmbuf_mtod_offset(whole, uint8_t *, 40 + at),
		                    have);
		at += have;
		rte_pktmbuf_free(parts[i]);
	}
	assert_int_equal(at, len - 40);
	assert_int_equal(split_parts(w, parts), 0);
	assert_null(made());
	rte_pktmbuf_free(whole);
}

static void own_is_cut(void **state)
{
	(void)state;
	own_too_long(true, 1427); // one byte too many
	own_too_long(true, 1980);
	own_too_long(false, 1980);
	assert_int_equal(gate_counter(COUNT_FRAGMENTED), 3);
	assert_int_equal(gate_counter(DROP_MTU), 0);
}

// An SA that names ports takes no later fragments: the outer packet will be cut.
static void own_with_ports(void **state)
{
	struct sa_spec spec = spec_of(&gcm, true, true);
	struct rte_mbuf *m;
	struct gate_flow f;

	(void)state;
	spec.selector.proto = 17;
	spec.selector.remote_port = 2000;
	f = gate_flow_make(spec);
	m = packet6(1900, f.tunnel);
	packet_of(m)->flags = PACKET_MADE;
	m = encrypt(&f, m);
	assert_non_null(m);
	assert_true(rte_pktmbuf_data_len(m) > 1900);
	rte_pktmbuf_free(m);
}

// An ICMP error about what came out of a tunnel does not leave in clear, with a crypto map or
// without.
static void no_quote_in_clear(void **state)
{
	struct rte_mbuf *m = packet6(100, (struct handle){0}), *tunnel[WORKER_BURST];
	struct worker *w = gate.workers[0];
	uint16_t n;

	(void)state;
	packet_of(m)->flags = PACKET_MADE;
	assert_int_equal(policy_out6(w, &m, 1, tunnel, &n), 1);
	packet_of(m)->flags |= PACKET_QUOTES;
	assert_int_equal(policy_out6(w, &m, 1, tunnel, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(gate_counter(DROP_POLICY_QUOTE), 1);
}

// A later fragment that begins amid extension headers does not say of what protocol it is: a rule
// may be about it, whose other fragments are encrypted.
static void no_hidden_protocol_in_clear(void **state)
{
	static const uint8_t later[8] = {IPPROTO_DSTOPTS, 0, 0, 9, 0, 0, 0, 7};
	struct rte_mbuf *m = packet6(100, (struct handle){0}), *tunnel[WORKER_BURST];
	uint8_t *head = rte_pktmbuf_mtod_offset(m, uint8_t *, PACKET_IPV6_MIN);
	struct worker *w = gate.workers[0];
	uint16_t n;

	(void)state;
	packet_ip6(m)->proto = IPPROTO_FRAGMENT;
	memcpy(head, later, sizeof(later));
	head[0] = IPPROTO_UDP;
	assert_int_equal(policy_out6(w, &m, 1, tunnel, &n), 1);
	assert_int_equal(policy_in_clear6(w, &m, 1), 1);
	head[0] = IPPROTO_DSTOPTS;
	rte_mbuf_refcnt_update(m, 1);
	assert_int_equal(policy_in_clear6(w, &m, 1), 0);
	assert_int_equal(policy_out6(w, &m, 1, tunnel, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(gate_counter(DROP_POLICY_FRAGMENT), 2);
}

// RFC 3947, 4, over IPv6: the peer is where its newest authentic packet came from.
static void peer_moves(void **state)
{
	struct sa_spec spec = spec_of(&gcm, true, true);
	struct ip_addr elsewhere = six("2001:db8:f::99");
	struct dp_event event;
	struct gate_flow f;
	struct rte_mbuf *m;

	(void)state;
	spec.encap = SA_ENCAP_UDP;
	spec.local_port = spec.remote_port = 4500;
	f = gate_flow_make(spec);
	m = encrypt(&f, packet6(100, f.tunnel));
	memcpy(packet_ip6(m)->src_addr, elsewhere.bytes, 16);
	bytes_put_u16(rte_pktmbuf_mtod_offset(m, uint8_t *, 40), 5555);
	assert_true(decrypt(&m));
	rte_pktmbuf_free(m);
	event = gate_event(DP_EVENT_SA_MOVED);
	assert_int_equal(event.kind, DP_EVENT_SA_MOVED);
	assert_true(addr_equal(&event.addr, &elsewhere));
	assert_int_equal(event.port, 5555);
	assert_true(addr_equal(&event.local, &spec.remote));
	dp_sa_move(&gate, f.out, &elsewhere, 5555);
	gate_turn();
	m = encrypt(&f, packet6(100, f.tunnel));
	assert_memory_equal(packet_ip6(m)->dst_addr, elsewhere.bytes, 16);
	assert_int_equal(bytes_get_u16(rte_pktmbuf_mtod_offset(m, uint8_t *, 42)), 5555);
	rte_pktmbuf_free(m);
}

// Without replay protection any packet may be a copy.
static void copy_moves_nobody(void **state)
{
	struct sa_spec spec = spec_of(&gcm, true, true);
	struct ip_addr elsewhere = six("2001:db8:f::99");
	struct gate_flow f;
	struct rte_mbuf *m;

	(void)state;
	spec.encap = SA_ENCAP_UDP;
	spec.local_port = spec.remote_port = 4500;
	spec.replay_window = 0;
	f = gate_flow_make(spec);
	m = encrypt(&f, packet6(100, f.tunnel));
	memcpy(packet_ip6(m)->src_addr, elsewhere.bytes, 16);
	assert_true(decrypt(&m));
	rte_pktmbuf_free(m);
	assert_int_equal(gate_events(DP_EVENT_SA_MOVED), 0);
}

// Flows of both families in one burst: each packet comes out of its own, in order.
static void mixed_bursts(void **state)
{
	struct gate_flow f[4];
	struct rte_mbuf *pkts[32];
	uint16_t n;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		f[i] = gate_flow_make(spec_of(i & 1 ? &gcm : &cbc, i & 1, i & 2));
	for (unsigned i = 0; i < 32; i++)
		pkts[i] = inner_of(&f[(i * 7 / 3) % 4], 100 + 4 * (uint16_t)i);
	for (unsigned w = 0; w < GATE_WORKERS; w++) { // flows of the other worker are handed off
		struct rte_mbuf *own[32];
		uint16_t k = 0;

		for (unsigned i = 0; i < 32; i++)
			if (pkts[i] &&
			    tunnel_owner(gate.tunnels, packet_of(pkts[i])->tunnel.index) == w)
				own[k++] = pkts[i];
		n = esp_out(gate.workers[w], own, k);
		assert_int_equal(n, k);
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(packet_of(own[i])->kind,
			                 packet_is_ipv6(own[i]) ? PACKET_ROUTE6 : PACKET_ROUTE);
			arrive(own[i]);
		}
		gate.workers[0]->kinds = 0;
		n = esp_in(gate.workers[0], own, n);
		assert_int_equal(n, k);
		for (unsigned i = 0; i < n; i++)
			rte_pktmbuf_free(own[i]);
	}
}

static void bad_specs(void **state)
{
	struct sa_spec spec = spec_of(&gcm, true, true);
	struct handle tunnel, in;
	struct dp_tunnel_spec t = {.iface = 1, .selector = spec.selector, .peer = 3};
	uint32_t spi;

	(void)state;
	assert_int_equal(dp_tunnel_add(&gate, &t, &tunnel), 0);
	assert_int_equal(dp_sa_reserve(&gate, &spec.local, &spec.remote, &in, &spi), 0);
	spec.remote = addr_v4(0xc0000201);
	assert_int_equal(dp_sa_add_in(&gate, in, &spec, tunnel), -EINVAL);
	spec = spec_of(&gcm, true, true);
	spec.selector.remote = spec_of(&gcm, true, false).selector.remote;
	assert_int_equal(dp_sa_add_in(&gate, in, &spec, tunnel), -EINVAL);
	spec = spec_of(&gcm, true, true);
	spec.selector.remote.len = 129;
	assert_int_equal(dp_sa_add_in(&gate, in, &spec, tunnel), -EINVAL);
	spec = spec_of(&gcm, true, true);
	spec.mode = SA_MODE_TRANSPORT; // not between its ends
	assert_int_equal(dp_sa_add_in(&gate, in, &spec, tunnel), -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, gate_start, gate_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_combinations),
		TEST(extended_numbers),
		TEST(alter_and_replay),
		TEST(other_forms),
		TEST(selectors),
		TEST(congestion),
		TEST(too_long),
		TEST(own_is_cut),
		TEST(own_with_ports),
		TEST(no_quote_in_clear),
		TEST(no_hidden_protocol_in_clear),
		TEST(peer_moves),
		TEST(copy_moves_nobody),
		TEST(mixed_bursts),
		TEST(bad_specs),
	};

	return cmocka_run_group_tests(tests, eal_start, eal_stop);
}
