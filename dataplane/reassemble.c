// Puts fragments together that are for the gateway itself: ESP, IKE, ICMP. [W] Bounded in three
// ways (datagrams, fragments of one, time), so that fragments without end cost a fixed amount of
// memory; where there is no room, those that have waited longest make some, so that a flood of them
// only shortens the time that a datagram has. All fragments of a datagram meet at one worker:
// hash(source, destination, id).
#include "reassemble.h"

#include <errno.h>
#include <rte_branch_prediction.h>
#include <rte_hash_crc.h>
#include <rte_ip_frag.h>
#include <rte_lcore.h>

#include "bytes.h"
#include "classify.h"
#include "copies.h"
#include "esp.h"
#include "icmp6.h"
#include "ipv6.h"
#include "join.h"

#define DATAGRAMS       128 // at a time, for each worker and table
#define BUCKET          4
#define TIMEOUT_SECONDS 5
#define PREFETCH        3

#define FRAGMENT_OFFSET    2u // where in a fragment header
#define ICMP_TIME_EXCEEDED 11
#define REASSEMBLY_TIME    1 // its code, in both families

// What of an mbuf says how its memory is held, which is not the packet's.
#define HOW_HELD (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)

// What came out of a tunnel never meets what came in clear.
enum { OUTSIDE, DECRYPTED, TABLES };

struct waiting {
	struct rte_ip_frag_tbl *table;
	struct copies *copies; // which fragments are in it
};

struct reassembly {
	struct waiting waiting[TABLES];
	struct rte_ip_frag_death_row row;
	tick_t expired;
};

static int waiting_init(struct waiting *t, uint64_t timeout)
{
	t->table = rte_ip_frag_table_create(DATAGRAMS / BUCKET, BUCKET, DATAGRAMS, timeout,
	                                    SOCKET_ID_ANY);
	t->copies = copies_create(DATAGRAMS, timeout);
	return t->table && t->copies ? 0 : -ENOMEM;
}

int reassemble_init(struct worker *w)
{
	struct reassembly *r = calloc(1, sizeof(*r));
	int rc = r ? 0 : -ENOMEM;

	w->reassembly = r;
	for (unsigned i = 0; i < TABLES && rc == 0; i++)
		rc = waiting_init(&r->waiting[i], w->dp->clock.hz * TIMEOUT_SECONDS);
	return rc;
}

void reassemble_fini(struct worker *w)
{
	struct reassembly *r = w->reassembly;

	if (!r)
		return;
	rte_ip_frag_free_death_row(&r->row, PREFETCH);
	for (unsigned i = 0; i < TABLES; i++) {
		if (r->waiting[i].table)
			rte_ip_frag_table_destroy(r->waiting[i].table);
		copies_destroy(r->waiting[i].copies);
	}
	free(r);
	w->reassembly = NULL;
}

// What the library gave up.
static void bury(struct worker *w)
{
	struct reassembly *r = w->reassembly;

	if (r->row.cnt == 0)
		return;
	worker_count_n(w, DROP_FRAGMENT, r->row.cnt);
	rte_ip_frag_free_death_row(&r->row, PREFETCH);
}

// The sender of a datagram whose first fragment came and others did not hears of it (RFC 1122,
// 3.3.2; RFC 8200, 4.5).
static void tell_sender(struct worker *w, struct rte_mbuf *m)
{
	const uint8_t *packet = rte_pktmbuf_mtod(m, const uint8_t *);

	if (packet_is_ipv6(m)) {
		if (!RTE_IPV6_GET_FO(bytes_get_u16(packet + PACKET_IPV6_MIN + FRAGMENT_OFFSET)))
			icmp6_error(w, m, ICMP6_TIME_EXCEEDED, REASSEMBLY_TIME, 0);
		return;
	}
	if (!(packet_ip(m)->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK)))
		icmp_error(w, m, ICMP_TIME_EXCEEDED, REASSEMBLY_TIME, 0);
}

void reassemble_tick(struct worker *w)
{
	struct reassembly *r = w->reassembly;

	for (unsigned i = 0; i < TABLES; i++) {
		rte_ip_frag_table_del_expired_entries(r->waiting[i].table, &r->row, w->tsc);
		for (uint32_t k = 0; k < r->row.cnt; k++)
			tell_sender(w, r->row.row[k]);
		bury(w);
	}
}

// Gives up the datagrams of a table that have waited longest: about a quarter of the time that the
// oldest one has.
static void make_room(struct worker *w, const struct waiting *t)
{
	uint64_t timeout = w->dp->clock.hz * TIMEOUT_SECONDS, age = timeout;
	struct rte_ip_frag_death_row *row = &w->reassembly->row;

	while (row->cnt == 0 && age) {
		age -= age / 4 + 1;
		// Those are given up that began no later than `age` ago.
		rte_ip_frag_table_del_expired_entries(t->table, row, w->tsc + timeout - age + 1);
	}
	copies_expire(t->copies, w->tsc >= age ? w->tsc - age + 1 : 0);
	bury(w);
}

// Where a fragment waits for the others. By then its route may be another one.
static const struct waiting *waiting_for(const struct worker *w, struct rte_mbuf *m)
{
	struct packet *p = packet_of(m);

	p->hop = PACKET_NO_HOP;
	return &w->reassembly->waiting[p->flags & PACKET_DECRYPTED ? DECRYPTED : OUTSIDE];
}

static unsigned owner_of(const struct worker *w, const struct rte_ipv4_hdr *ip)
{
	alignas(8) uint32_t key[3] = {ip->src_addr, ip->dst_addr, ip->packet_id};

	return rte_hash_crc(key, sizeof(key), 0) % w->dp->n_workers;
}

static unsigned owner_of6(const struct worker *w, struct rte_mbuf *m, uint32_t id)
{
	const struct rte_ipv6_hdr *ip = packet_ip6(m);

	uint64_t words[4]; // aligned, as the hash reads them

	memcpy(words, ip->src_addr, sizeof(ip->src_addr));
	memcpy(words + 2, ip->dst_addr, sizeof(ip->dst_addr));
	return rte_hash_crc(words, sizeof(words), id) % w->dp->n_workers;
}

// The header of a fragment of a whole, not the first: the library has moved the data behind it, no
// more.
static const void *header_of(const struct rte_mbuf *seg)
{
	return rte_pktmbuf_mtod(seg, const uint8_t *) - seg->l3_len;
}

// The ECN field of the header that begins there.
static uint8_t ecn_at(const uint8_t *header)
{
	return (header[0] >> 4 == 6 ? header[1] >> 4 : header[1]) & ESP_ECN_MASK;
}

static void ecn_mark(uint8_t *header)
{
	header[1] |= header[0] >> 4 == 6 ? ESP_ECN_CE << 4 : ESP_ECN_CE;
}

// Are all of them of the datagram that the first one names?
static bool is_of_one(struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *first = packet_ip(m);

	for (const struct rte_mbuf *seg = m->next; seg; seg = seg->next) {
		const struct rte_ipv4_hdr *ip = header_of(seg);

		if (ip->next_proto_id != first->next_proto_id || ip->dst_addr != first->dst_addr)
			return false;
	}
	return true;
}

// RFC 3168, 5.3: congestion that one fragment met is said in the whole; where another one's sender
// would not understand it, the whole is dropped. False: so it must be.
static bool gather_ecn(struct rte_mbuf *m)
{
	uint8_t *first = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t seen = 1u << ecn_at(first);

	for (const struct rte_mbuf *seg = m->next; seg; seg = seg->next)
		seen |= 1u << ecn_at(header_of(seg));
	if (!(seen & 1u << ESP_ECN_CE))
		return true;
	ecn_mark(first);
	return !(seen & 1u);
}

// NULL: it was dropped.
static struct rte_mbuf *in_one_piece(struct worker *w, struct rte_mbuf *m)
{
	if (m->nb_segs == 1)
		return m;
	if (!gather_ecn(m) || (!packet_is_ipv6(m) && !is_of_one(m))) {
		worker_drop(w, m, DROP_FRAGMENT);
		return NULL;
	}
	if (rte_pktmbuf_pkt_len(m) <= REASSEMBLE_MAX)
		return join(w, m);
	worker_drop(w, m, DROP_FRAGMENT_BIG);
	return NULL;
}

// The protocol belongs to the key (RFC 791, 3.2), for which the library has no room; what meets by
// chance all the same, is_of_one() finds.
static uint32_t dst_and_protocol(const struct rte_ipv4_hdr *ip)
{
	return ip->dst_addr ^ ip->next_proto_id * 0x01010101u;
}

static struct rte_mbuf *put_once(struct worker *w, struct rte_ip_frag_tbl *table,
                                 struct rte_mbuf *m)
{
	struct rte_ip_frag_death_row *row = &w->reassembly->row;
	struct rte_ipv6_hdr *ip = packet_ip6(m);
	struct rte_ipv4_hdr seen;

	if (packet_is_ipv6(m))
		return rte_ipv6_frag_reassemble_packet(table, row, m, w->tsc, ip,
		                                       (struct rte_ipv6_fragment_ext *)(ip + 1));
	// The library takes its key and the lengths from this copy.
	seen = *packet_ip(m);
	seen.dst_addr = dst_and_protocol(&seen);
	return rte_ipv4_frag_reassemble_packet(table, row, m, w->tsc, &seen);
}

// What the library would keep of it. Of IPv4 the first one of two that say the same part stays
// (RFC 791, 3.2, lets either), so that a forged one changes nothing. Of IPv6 only the very same
// fragment is a copy (RFC 8200, 4.5): other data makes an overlap, for which all are given up.
static struct copies_part part_of(struct rte_mbuf *m, uint16_t head)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	const struct rte_ipv6_hdr *ip6 = packet_ip6(m);
	const struct rte_ipv6_fragment_ext *ext = (const struct rte_ipv6_fragment_ext *)(ip6 + 1);
	struct copies_part part = {.len = (uint16_t)(rte_pktmbuf_data_len(m) - head)};

	if (!packet_is_ipv6(m)) {
		part.datagram[0] = (uint64_t)dst_and_protocol(ip) << 32 | ip->src_addr;
		part.datagram[1] = ip->packet_id;
		part.offset = (uint16_t)(rte_be_to_cpu_16(ip->fragment_offset) &
		                         (RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG));
		return part;
	}
	memcpy(part.datagram, ip6->src_addr, 16);
	memcpy(part.datagram + 2, ip6->dst_addr, 16);
	part.datagram[4] = 1ull << 32 | ext->id;
	part.offset = rte_be_to_cpu_16(ext->frag_data) & RTE_IPV6_FRAG_USED_MASK;
	part.sum = rte_raw_cksum(rte_pktmbuf_mtod_offset(m, void *, head), part.len);
	return part;
}

// Did the library give it up, with all that it had of its datagram?
static bool was_given_up(const struct rte_ip_frag_death_row *row, const struct rte_mbuf *m)
{
	for (uint32_t i = 0; i < row->cnt; i++)
		if (row->row[i] == m)
			return true;
	return false;
}

// A fragment, which is not empty, to the others of its datagram. The whole chain, or NULL while
// some are missing, or when they were given up.
static struct rte_mbuf *put(struct worker *w, struct rte_mbuf *m, uint16_t head)
{
	struct rte_ip_frag_death_row *row = &w->reassembly->row;
	const struct waiting *t = waiting_for(w, m);
	const struct copies_part part = part_of(m, head);
	struct rte_mbuf *whole;

	if (copies_has(t->copies, &part, w->tsc)) {
		worker_drop(w, m, DROP_FRAGMENT_COPY);
		return NULL;
	}
	m->l2_len = 0;
	m->l3_len = head;
	m->ol_flags &= HOW_HELD;
	whole = put_once(w, t->table, m);
	// The library gives up a fragment alone only if there is no room for its datagram. It is
	// ours again then.
	if (unlikely(row->cnt == 1 && row->row[0] == m)) {
		row->cnt = 0;
		make_room(w, t);
		whole = put_once(w, t->table, m);
	}
	if (whole || was_given_up(row, m))
		copies_del(t->copies, &part);
	else
		copies_add(t->copies, &part, w->tsc);
	bury(w);
	return whole;
}

// The whole packet, or NULL while fragments are missing.
static struct rte_mbuf *add(struct worker *w, struct rte_mbuf *m)
{
	uint8_t ihl = packet_of(m)->ihl;

	if (rte_pktmbuf_data_len(m) <= ihl) {
		worker_drop(w, m, DROP_FRAGMENT);
		return NULL;
	}
	m = put(w, m, ihl);
	if (!m)
		return NULL;
	m = in_one_piece(w, m);
	if (m && !packet_check_ipv4(m)) {
		worker_drop(w, m, DROP_FRAGMENT);
		return NULL;
	}
	if (m) {
		packet_ip(m)->fragment_offset = 0;
		packet_checksum_ipv4(packet_ip(m));
		worker_count(w, COUNT_REASSEMBLED);
	}
	return m;
}

uint16_t reassemble(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		unsigned owner = owner_of(w, packet_ip(m));

		if (owner != w->index) {
			handoff_send(w, owner, m, PACKET_FRAGMENT);
			continue;
		}
		m = add(w, m);
		if (!m)
			continue;
		// What was inside a tunnel is neither ESP nor IKE of the outside.
		packet_of(m)->kind = PACKET_ROUTE;
		if (!(packet_of(m)->flags & PACKET_DECRYPTED)) {
			packet_of(m)->kind = PACKET_PLAIN;
			if (!classify_own(w, m))
				continue;
		}
		pkts[k++] = m;
	}
	return k;
}

// ---- IPv6 ------------------------------------------------------------------------------------

// An atomic fragment is no fragment: it meets no others (RFC 6946). Its header goes, as that of a
// packet that was put together.
static void header_off(struct rte_mbuf *m)
{
	struct rte_ipv6_hdr *ip = packet_ip6(m);
	struct rte_ipv6_fragment_ext *head = (struct rte_ipv6_fragment_ext *)(ip + 1);

	ip->proto = head->next_header;
	memmove((char *)ip + sizeof(*head), ip, sizeof(*ip));
	ip = (struct rte_ipv6_hdr *)rte_pktmbuf_adj(m, sizeof(*head));
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(rte_pktmbuf_data_len(m) - PACKET_IPV6_MIN));
}

// The extension headers in front of a fragment's, `at` bytes behind the packet's start, have said
// what they had to say, and go: the library knows of none (RFC 8200, 4.5, per-fragment headers).
static void extensions_off(struct rte_mbuf *m, uint16_t at)
{
	uint16_t gap = (uint16_t)(at - PACKET_IPV6_MIN);
	struct rte_ipv6_hdr *ip = packet_ip6(m);

	if (gap == 0)
		return;
	memmove((char *)ip + gap, ip, sizeof(*ip));
	ip = (struct rte_ipv6_hdr *)rte_pktmbuf_adj(m, gap);
	ip->proto = IPPROTO_FRAGMENT;
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(rte_pktmbuf_data_len(m) - PACKET_IPV6_MIN));
}

// May it be one of a datagram's fragments? If not, its sender hears what is wrong with it (RFC
// 8200, 4.5).
static bool is_sound(struct worker *w, struct rte_mbuf *m, uint16_t at, uint16_t field)
{
	uint32_t before = at - PACKET_IPV6_MIN; // extension headers
	uint32_t len = rte_pktmbuf_data_len(m) - at - IPV6_FRAGMENT_SIZE;

	if (RTE_IPV6_GET_MF(field) && len % 8)
		icmp6_error(w, m, ICMP6_PARAMETER, ICMP6_FIELD, IPV6_PAYLOAD_LENGTH);
	else if (before + RTE_IPV6_GET_FO(field) * 8u + len > UINT16_MAX)
		icmp6_error(w, m, ICMP6_PARAMETER, ICMP6_FIELD, at + FRAGMENT_OFFSET);
	else
		return len > 0;
	return false;
}

// The whole packet, or NULL while fragments are missing, or if it was dropped. Overlaps (RFC 5722)
// never come together: the library joins only what fits to the byte.
static struct rte_mbuf *add6(struct worker *w, struct rte_mbuf *m, uint16_t field)
{
	uint32_t total;

	if (!RTE_IPV6_GET_FO(field) && !RTE_IPV6_GET_MF(field)) {
		header_off(m);
	} else {
		m = put(w, m, PACKET_IPV6_MIN + IPV6_FRAGMENT_SIZE);
		m = m ? in_one_piece(w, m) : NULL;
	}
	if (m && (!ipv6_is_whole(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m),
	                         &total) ||
	          total != rte_pktmbuf_data_len(m))) {
		worker_drop(w, m, DROP_FRAGMENT);
		return NULL;
	}
	if (m)
		worker_count(w, COUNT_REASSEMBLED);
	return m;
}

// True: it is whole, and goes on as what it is.
static bool add_fragment6(struct worker *w, struct rte_mbuf **m)
{
	const uint8_t *packet = rte_pktmbuf_mtod(*m, const uint8_t *);
	struct ipv6_chain chain;
	uint16_t field;
	unsigned owner;

	if (!ipv6_chain(packet, rte_pktmbuf_data_len(*m), &chain) || !chain.fragment) {
		worker_drop(w, *m, DROP_FRAGMENT);
		return false;
	}
	field = bytes_get_u16(packet + chain.fragment + FRAGMENT_OFFSET);
	if (!is_sound(w, *m, chain.fragment, field)) {
		worker_drop(w, *m, DROP_FRAGMENT);
		return false;
	}
	owner = owner_of6(w, *m, bytes_get_u32(packet + chain.fragment + 4));
	if (owner != w->index) {
		handoff_send(w, owner, *m, PACKET_FRAGMENT6);
		return false;
	}
	extensions_off(*m, chain.fragment);
	*m = add6(w, *m, field);
	if (!*m)
		return false;
	packet_of(*m)->kind = PACKET_ROUTE6;
	if (packet_of(*m)->flags & PACKET_DECRYPTED)
		return true;
	packet_of(*m)->kind = PACKET_PLAIN6;
	return classify_own6(w, *m);
}

uint16_t reassemble6(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (add_fragment6(w, &m))
			pkts[k++] = m;
	}
	return k;
}
