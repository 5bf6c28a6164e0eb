// The short way in, for whole bursts: native ESP with plain IPv4 packets in it, which are to go on
// by an interface without a crypto map. [W] Look at the frames and sort them into runs of one SA;
// admit them; decrypt; then accept each packet and give it its Ethernet header. Each of these goes
// over the whole burst, so that memory is not waited for where there are many SAs.
//
// Nothing of a packet is written before the cryptography, so that the long way (worker.c) finds
// what is left as it came. What turns out to need more once it is decrypted goes on from there by
// the long way, in its place among the others.
#include "express.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "egress.h"
#include "express_plain.h"
#include "route.h"
#include "sa_limits.h"
#include "unwrap.h"

// Packets of one SPI in a row.
struct run {
	struct sa *sa;
	uint32_t spi, slot;
	uint16_t n;
	uint16_t len; // bytes of the first frame
	bool usual;   // sa_is_usual()
};

// What is around the text of a frame with AES-GCM in it, in bytes.
#define AROUND_TEXT                                                                                \
	(RTE_ETHER_HDR_LEN + SA_IPV4_HEADER + SA_ESP_HEADER + EXPRESS_GCM_IV + EXPRESS_GCM_ICV)

static bool is_ours(const struct worker *w, uint32_t dst)
{
	return route_hop(w->dp->routes, route_lookup(w->dp->routes, dst))->kind == ROUTE_LOCAL;
}

// Sorts the packets in front that are plain ESP to the gateway into runs of equal addresses and
// SPI. Returns how many runs.
static uint16_t look(const struct worker *w, const struct iface *iface, struct rte_mbuf **pkts,
                     uint16_t n, struct run *runs)
{
	const struct sa_table *sas = w->dp->sas;
	const struct spi_layout layout = sas->layout;
	const uint32_t mine = spi_make(&layout, w->index, 0, 0), whose = spi_owner_mask(&layout);
	const __m128i want = express_want(iface);
	__m128i flow = _mm_setzero_si128(), own;
	struct run *run = runs;
	uint32_t dst = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct rte_ipv4_hdr *ip = express_ip(pkts[i]);

		if (unlikely(!express_is_plain(want, pkts[i])))
			break;
		own = express_flow(ip);
		if (run > runs && express_same_flow(own, flow)) {
			run[-1].n++;
			continue;
		}
		if (ip->next_proto_id != IPPROTO_ESP ||
		    unlikely(ipv4_source_is_bad(rte_be_to_cpu_32(ip->src_addr))) ||
		    ((run == runs || ip->dst_addr != dst) && unlikely(!is_ours(w, ip->dst_addr))))
			break;
		dst = ip->dst_addr;
		run->spi = bytes_get_u32((const uint8_t *)(ip + 1));
		if (unlikely((run->spi & whose) != mine))
			break;
		run->slot = spi_slot(&layout, run->spi);
		run->sa = sa_table_at(sas, run->slot);
		if (unlikely(!run->sa))
			break;
		rte_prefetch0(run->sa);
		rte_prefetch0(&run->sa->replay);
		run->len = pkts[i]->data_len;
		run->n = 1;
		flow = own;
		run++;
	}
	return (uint16_t)(run - runs);
}

// May packets of this run be decrypted with no more asked than is asked here?
static inline bool run_opens(struct run *run)
{
	struct sa *sa = run->sa;

	run->usual = sa_is_usual(sa);
	return sa_is_live_as(sa, run->spi) && (likely(run->usual) || sa->form == 0) &&
	       !sa_limit_near(sa, sa->packets, 0, 0);
}

// The packets of a run of n in front that are of a right length and newer than all before; how
// many.
static __rte_always_inline uint16_t admit_packets(const struct run *run, uint16_t n, bool usual,
                                                  struct rte_mbuf **pkts, struct crypto_item *items)
{
	struct sa *sa = run->sa;
	uint32_t iv_len = usual ? EXPRESS_GCM_IV : sa->iv_len;
	uint32_t align = usual ? EXPRESS_GCM_ALIGN : sa->align;
	uint32_t fixed = SA_ESP_HEADER + iv_len + sa->icv_len;
	uint64_t top = sa->replay.top;
	uint16_t i = 0;

	do {
		struct rte_ipv4_hdr *ip = express_ip(pkts[i]);
		uint8_t *esp = (uint8_t *)(ip + 1);
		uint32_t len = rte_be_to_cpu_16(ip->total_length) - PACKET_IPV4_MIN;
		uint32_t text_len = len - fixed;

		if (unlikely(len < fixed + align || text_len & (align - 1)) ||
		    unlikely(unwrap_sequence(esp) <= top))
			break;
		items[i] = (struct crypto_item){.sa = sa, .esp = esp, .text_len = text_len};
	} while (unlikely(++i < n));
	return i;
}

static __rte_noinline uint16_t admit_many(const struct run *run, struct rte_mbuf **pkts,
                                          struct crypto_item *items)
{
	return admit_packets(run, run->n, true, pkts, items);
}

static __rte_noinline uint16_t admit_unusual(const struct run *run, struct rte_mbuf **pkts,
                                             struct crypto_item *items, unsigned *engines)
{
	const struct sa *sa = run->sa;

	crypto_prefetch_keys(sa->keys, sa->engine, sa->key_len, run->len);
	*engines |= crypto_engine(sa);
	return admit_packets(run, run->n, false, pkts, items);
}

static __rte_always_inline uint16_t admit_run(const struct run *run, struct rte_mbuf **pkts,
                                              struct crypto_item *items, unsigned *engines)
{
	if (unlikely(!run->usual))
		return admit_unusual(run, pkts, items, engines);
	*engines |= 1u << SA_ENGINE_GCM;
	// Of many SAs a run is one packet, which needs no loop.
	return run->n == 1 ? admit_packets(run, 1, true, pkts, items)
	                   : admit_many(run, pkts, items);
}

// Packets in a row that leave the same way, until they are handed over.
struct leaving {
	struct rte_mbuf *pkts[WORKER_BURST];
	uint16_t n;
	bool slow;    // the long way: from forward on
	uint32_t dst; // of the packet before, whose way it is
	uint16_t hop; // whose way it is, whatever the destination; or PACKET_NO_HOP
	struct egress_way way;
	uint16_t in;   // interface that they came in on
	bool clamps;   // some interface looks at TCP's SYNs
	uint32_t mark; // what an SA's activity is now
	uint16_t forwarded;
};

static void leaving_begin(const struct worker *w, struct leaving *l, uint16_t iface)
{
	l->n = l->forwarded = 0;
	l->slow = false;
	l->in = iface;
	l->clamps = __atomic_load_n(&w->dp->mss_any, __ATOMIC_RELAXED);
	l->way = (struct egress_way){.iface = PACKET_NO_IFACE};
	l->hop = PACKET_NO_HOP;
	l->dst = 0;
	l->mark = activity_from_tick(w->now);
}

static void hand_over(struct worker *w, struct leaving *l)
{
	if (l->slow) {
		worker_route(w, l->pkts, l->n);
	} else {
		tx_frames(w, l->way.iface, l->pkts, l->n);
		l->forwarded += l->n;
	}
	l->n = 0;
}

// The way of a destination by its hop; closed where forward must say.
static void way_of(struct worker *w, uint32_t dst, const struct route_hop *hop,
                   struct egress_way *way)
{
	const struct iface *iface = &w->dp->ifaces[hop->iface];
	uint32_t next_hop = hop->kind == ROUTE_GATEWAY ? hop->gateway : dst;

	if ((hop->kind != ROUTE_GATEWAY && hop->kind != ROUTE_CONNECTED) ||
	    iface_has_crypto_map(iface) || iface->sub) {
		*way = (struct egress_way){.iface = PACKET_NO_IFACE};
		return;
	}
	if (way->iface != hop->iface || way->next_hop != next_hop || !way->open)
		egress_way_find(w, hop->iface, next_hop, way);
}

static __rte_noinline void turn(struct worker *w, struct leaving *l, bool slow)
{
	if (l->n)
		hand_over(w, l);
	l->slow = slow;
}

static __rte_noinline void turn_to(struct worker *w, struct leaving *l, uint32_t dst,
                                   uint16_t number)
{
	const struct route_hop *hop = route_hop(w->dp->routes, number);
	struct egress_way way = l->way;

	way_of(w, dst, hop, &way);
	if (l->n && !l->slow && way.iface != l->way.iface)
		hand_over(w, l);
	l->way = way;
	l->hop = hop->kind == ROUTE_GATEWAY ? number : PACKET_NO_HOP;
	l->dst = dst;
}

// The way is to be that of a destination.
static __rte_always_inline void turn_towards(struct worker *w, struct leaving *l, uint32_t dst)
{
	uint16_t hop;

	if (dst == l->dst)
		return;
	hop = route_lookup(w->dp->routes, dst);
	if (likely(hop == l->hop))
		l->dst = dst;
	else
		turn_to(w, l, dst, hop);
}

// What is good, but needs more: it goes on from forward.
static void leave_slowly(struct worker *w, struct leaving *l, struct rte_mbuf *m,
                         const struct sa *sa)
{
	struct packet *p = packet_of(m);
	uint8_t ihl = p->ihl;

	packet_init(m, l->in, w->now);
	p->kind = PACKET_ROUTE;
	p->flags = PACKET_DECRYPTED;
	p->sa = esp_handle(sa);
	p->ihl = ihl;
	if (!l->slow)
		turn(w, l, true);
	l->pkts[l->n++] = m;
}

// A packet about which something is not plain: as accept_one().
static __rte_noinline uint32_t accept_slowly(struct worker *w, struct leaving *l,
                                             struct rte_mbuf *m, const struct crypto_item *item)
{
	enum counter reason;

	m->data_off += RTE_ETHER_HDR_LEN;
	reason = unwrap_plain(m, item);
	if (reason != DROP_NONE) {
		unwrap_count(item->sa, reason);
		worker_drop(w, m, reason);
		return 0;
	}
	leave_slowly(w, l, m, item->sa);
	return m->data_len;
}

// What more few SAs ask; what only the long way looks at is none of those packets.
static __rte_always_inline bool is_selected_closely(const struct sa *sa,
                                                    const struct rte_ipv4_hdr *ip)
{
	return !sa->is_narrow && unwrap_source(sa, ip);
}

// Is the inner packet plain, and of the SA, with nothing to be said in it of congestion?
static __rte_always_inline bool is_plain_inside(const struct sa *sa, const struct crypto_item *item,
                                                uint8_t outer_tos, const struct rte_ipv4_hdr *ip,
                                                uint32_t len)
{
	const uint8_t *end = unwrap_trailer(item, (const uint8_t *)ip);

	return likely(end) && end[1] == ESP_NEXT_IPV4 && ip->version_ihl == RTE_IPV4_VHL_DEF &&
	       len >= PACKET_IPV4_MIN && len + ESP_TRAILER + end[0] <= item->text_len &&
	       unwrap_addresses(sa, ip) && (likely(!sa->asks) || is_selected_closely(sa, ip)) &&
	       unwrap_ecn_same(ip, outer_tos);
}

// May it leave by the way of the packets before it?
static __rte_always_inline bool leaves(struct worker *w, struct leaving *l,
                                       const struct rte_ipv4_hdr *ip, uint32_t len)
{
	turn_towards(w, l, ip->dst_addr);
	return likely(l->way.open) && len <= l->way.mtu && ip->time_to_live > 1 &&
	       !(unlikely(l->clamps) && express_is_syn(ip, len));
}

// An authentic packet: on its way, or dropped. Bytes of the inner packet; 0: it was not good.
static __rte_always_inline uint32_t accept_one(struct worker *w, struct leaving *l,
                                               struct rte_mbuf *m, const struct sa *sa, bool usual,
                                               const struct crypto_item *item)
{
	uint32_t iv_len = usual ? EXPRESS_GCM_IV : sa->iv_len;
	uint8_t *inner = item->esp + SA_ESP_HEADER + iv_len;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)inner;
	uint8_t outer_tos = ((struct rte_ipv4_hdr *)(item->esp - PACKET_IPV4_MIN))->type_of_service;
	uint32_t len = rte_be_to_cpu_16(ip->total_length);

	if (unlikely(!is_plain_inside(sa, item, outer_tos, ip, len)) ||
	    unlikely(!leaves(w, l, ip, len)))
		return accept_slowly(w, l, m, item);
	if (unlikely(l->slow))
		turn(w, l, false);
	ipv4_ttl_decrement(ip);
	egress_put_header(&l->way, inner - RTE_ETHER_HDR_LEN);
	m->data_off = (uint16_t)(inner - RTE_ETHER_HDR_LEN - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)(len + RTE_ETHER_HDR_LEN);
	m->pkt_len = m->data_len;
	l->pkts[l->n++] = m;
	return len;
}

static __rte_always_inline uint16_t accept_packets(struct worker *w, const struct run *run,
                                                   uint16_t n, bool usual, struct rte_mbuf **pkts,
                                                   const struct crypto_item *item,
                                                   struct leaving *l)
{
	const struct crypto_item *end = item + n;
	struct sa *sa = run->sa;
	uint16_t good = 0;
	uint64_t bytes = 0;
	bool alive = false;

	do {
		enum counter reason = unwrap_commit(sa, item);
		uint32_t len;

		if (unlikely(reason != DROP_NONE)) {
			worker_drop(w, *pkts, reason);
			continue;
		}
		alive = true;
		len = accept_one(w, l, *pkts, sa, usual, item);
		good += len != 0;
		bytes += len;
	} while (pkts++, unlikely(++item < end));
	unwrap_account(sa, good, bytes, alive, l->mark);
	return good;
}

static __rte_noinline uint16_t accept_many(struct worker *w, const struct run *run,
                                           struct rte_mbuf **pkts, const struct crypto_item *items,
                                           struct leaving *l)
{
	return accept_packets(w, run, run->n, true, pkts, items, l);
}

static __rte_noinline uint16_t accept_unusual(struct worker *w, const struct run *run,
                                              struct rte_mbuf **pkts,
                                              const struct crypto_item *items, struct leaving *l)
{
	return accept_packets(w, run, run->n, false, pkts, items, l);
}

// Packets of one SA in a row, decrypted; returns how many are good.
static __rte_always_inline uint16_t accept_run(struct worker *w, const struct run *run,
                                               struct rte_mbuf **pkts,
                                               const struct crypto_item *items, struct leaving *l)
{
	if (unlikely(!run->usual))
		return accept_unusual(w, run, pkts, items, l);
	return run->n == 1 ? accept_packets(w, run, 1, true, pkts, items, l)
	                   : accept_many(w, run, pkts, items, l);
}

// ---- whole bursts -------------------------------------------------------------------------------

// What a burst's packets in front are, once they are admitted.
struct admitted {
	const struct run *end;
	uint16_t n;       // packets
	unsigned engines; // as for crypto_decrypt()
};

// Admits the packets of runs up to the first that is not; a run that is cut is the last. `mark`:
// what an SA's activity will be.
static struct admitted admit_runs(const struct worker *w, struct run *run, const struct run *end,
                                  uint32_t mark, struct rte_mbuf **pkts, struct crypto_item *items)
{
	const struct crypto_item *first = items;
	struct admitted a = {0};

	for (; run < end; run++) {
		const struct sa *sa = run->sa;
		uint16_t wanted = run->n;

		if (unlikely(!run_opens(run)))
			break;
		if (items < first + CRYPTO_AHEAD) // the rest: crypto_decrypt()
			crypto_prefetch_gcm(sa->keys, sa->key_len, run->len - AROUND_TEXT);
		if (activity_load(&sa->last) != mark) // it will be written
			rte_prefetch0(&w->dp->sas->activity[run->slot]);
		run->n = admit_run(run, pkts, items, &a.engines);
		pkts += run->n;
		items += run->n;
		if (unlikely(run->n < wanted)) {
			run += run->n > 0;
			break;
		}
	}
	a.end = run;
	a.n = (uint16_t)(items - first);
	return a;
}

// Packets that were admitted and decrypted; returns how many are good.
static unsigned accept_runs(struct worker *w, const struct run *run, const struct run *end,
                            struct rte_mbuf **pkts, const struct crypto_item *items,
                            struct leaving *l)
{
	unsigned good = 0;

	for (; run < end; run++) {
		good += accept_run(w, run, pkts, items, l);
		pkts += run->n;
		items += run->n;
	}
	return good;
}

uint16_t express_in(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n)
{
	const struct iface *in = &w->dp->ifaces[iface];
	struct crypto_item items[WORKER_BURST];
	struct run runs[WORKER_BURST];
	struct admitted a;
	struct leaving l;
	unsigned good;
	uint16_t n_runs;

	if (unlikely(!iface_is_up(in)))
		return 0;
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(express_ip(pkts[i]));
	n_runs = look(w, in, pkts, n, runs);
	stats_stage(&w->stats, DP_STAGE_CLASSIFY, n);
	leaving_begin(w, &l, iface);
	a = admit_runs(w, runs, runs + n_runs, l.mark, pkts, items);
	stats_stage(&w->stats, DP_STAGE_ESP_IN, 0);
	if (a.n == 0)
		return 0;
	crypto_decrypt(w->esp->crypto, items, a.n, a.engines);
	stats_stage(&w->stats, DP_STAGE_DECRYPT, a.n);
	good = accept_runs(w, runs, a.end, pkts, items, &l);
	stats_stage(&w->stats, DP_STAGE_ESP_IN, a.n);
	worker_count_n(w, COUNT_RX, a.n);
	worker_count_n(w, COUNT_DECRYPTED, good);
	if (l.n)
		hand_over(w, &l);
	worker_count_n(w, COUNT_FORWARDED, l.forwarded);
	stats_stage(&w->stats, DP_STAGE_EGRESS, l.forwarded);
	return a.n;
}
