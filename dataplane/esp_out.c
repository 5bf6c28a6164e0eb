// ESP out: flow -> SA -> sequence number -> headers and trailer -> crypto burst -> outer packet
// (RFC 4303 3.3, RFC 4301 5.1). [W] The flow's owner only; packets of others are handed off,
// packets without an SA are held. Where the outer packet goes is remembered with the SA.
#include <rte_branch_prediction.h>

#include "esp_transport.h"
#include "split.h"
#include "wrap.h"

// Packets of one flow in a row: what the first one found.
struct run {
	struct handle flow;
	struct tunnel *t; // NULL: stale, or another worker's
	struct sa *sa;    // NULL: none yet
	uint16_t n;       // packets
};

static void run_begin(struct worker *w, struct run *run, struct handle flow)
{
	*run = (struct run){.flow = flow};
	run->t = tunnel_own(w, flow);
	if (unlikely(!run->t))
		return;
	run->sa = run->t->sa;
	if (run->sa) { // on its way to the caches while the rest of the burst is looked at
		rte_prefetch0(run->sa);
		rte_prefetch0(&run->sa->sequence);
	}
	// Once a tick is often enough: nothing that doubt depends on is finer.
	if (activity_mark(&run->t->last_out, w->now) && run->sa &&
	    tick_diff(w->now, run->t->doubt_from) >= 0)
		tunnel_doubt(w, run->t, flow);
}

// A packet whose flow has no SA here: another worker's, out of date, or to be held.
static void without_sa(struct worker *w, const struct run *run, struct rte_mbuf *m)
{
	unsigned owner = tunnel_owner(w->dp->tunnels, run->flow.index);

	if (run->t)
		tunnel_hold(w, run->t, m);
	else if (owner != w->index && tunnel_is_current(w->dp->tunnels, run->flow))
		handoff_send(w, owner, m, PACKET_TUNNEL);
	else
		worker_drop(w, m, DROP_TUNNEL_STALE);
}

// Sorts a burst into runs that have a flow of this worker's with an SA; returns how many. The other
// packets are taken.
static uint16_t find_sas(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct run *runs)
{
	uint16_t k = 0, n_runs = 0;

	for (uint16_t i = 0, len; i < n; i += len) {
		struct handle flow = packet_of(pkts[i])->tunnel;
		struct run *run = &runs[n_runs];

		len = 1;
		while (i + len < n && handle_equal(packet_of(pkts[i + len])->tunnel, flow))
			len++;
		run_begin(w, run, flow);
		if (unlikely(!run->sa)) {
			for (uint16_t j = i; j < i + len; j++)
				without_sa(w, run, pkts[j]);
			continue;
		}
		run->n = len;
		n_runs++;
		if (unlikely(k != i))
			memmove(pkts + k, pkts + i, len * sizeof(*pkts));
		k += len;
	}
	return n_runs;
}

// What the interface that packets leave through says of their size; most bursts have one.
struct path {
	uint32_t mtu;   // the longest packet that goes in one piece; UINT32_MAX = no interface yet
	uint32_t flags; // enum iface_flags
	uint32_t df_copy, df_set; // outer DF bit = inner & df_copy | df_set (RFC 4301 8.1)
	uint16_t out;
};

static void path_find(const struct worker *w, struct path *path, uint16_t out)
{
	uint32_t df = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	const struct iface *iface;

	*path = (struct path){.mtu = UINT32_MAX, .df_copy = df, .out = out};
	if (out >= w->dp->n_ifaces)
		return;
	iface = &w->dp->ifaces[out];
	path->mtu = iface_word(&iface->mtu) ? iface_word(&iface->mtu) : UINT32_MAX;
	path->flags = iface_word(&iface->flags);
	path->df_set = path->flags & IFACE_DF_SET ? df : 0;
	path->df_copy = path->flags & IFACE_DF_CLEAR ? 0 : df;
}

// Too long for the path in one piece: is it the outer packet that is cut? Later fragments of the
// inner one have no ports, so an SA that names some takes none.
static bool cut_outside(const struct sa *sa, uint32_t inner_df, uint32_t flags)
{
	if (inner_df)
		return flags & IFACE_DF_CLEAR;
	return flags & IFACE_FRAGMENT_AFTER || sa->is_narrow;
}

// Cuts the inner packet, or tells its sender the largest size that fits (RFC 4301 8.2).
static void too_long(struct worker *w, struct rte_mbuf *m, struct sa *sa, uint32_t mtu)
{
	uint32_t room = mtu > sa->overhead ? (mtu - sa->overhead) & ~(sa->align - 1u) : 0;

	room = room > ESP_TRAILER ? room - ESP_TRAILER : 0;
	if (!(packet_ip(m)->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG))) {
		split_later(w, m, (uint16_t)room);
		return;
	}
	icmp_error(w, m, 3, 4, room);
	sa_count(&sa->other_drops, 1);
	worker_drop(w, m, DROP_MTU);
}

// Wraps a packet up to the point where it can be encrypted. It is one of this gateway's own from
// now on, on its way to the SA's other end.
static __rte_always_inline void wrap_one(struct worker *w, struct rte_mbuf *m, struct sa *sa,
                                         const struct wrap_onward *onward, uint32_t text_len,
                                         uint32_t df, uint64_t seq, const uint8_t **ivs,
                                         struct crypto_item *item)
{
	uint32_t len = m->data_len, total = sa->overhead + text_len, front = sa_front(sa);
	uint8_t *inner = rte_pktmbuf_mtod(m, uint8_t *), *at = inner - front;
	uint32_t tos = ((const struct rte_ipv4_hdr *)inner)->type_of_service;
	struct packet *p = packet_of(m);

	wrap_put_trailer(inner + len, text_len - len - ESP_TRAILER, ESP_NEXT_IPV4);
	wrap_put_ipv4(&sa->out, at, total, tos, df, (uint16_t)w->ip_id++);
	if (unlikely(sa->encap == SA_ENCAP_UDP))
		wrap_put_udp(at + SA_IPV4_HEADER, sa, (uint16_t)(total - SA_IPV4_HEADER));
	at += sa->head_len;
	wrap_put_esp(sa, at, seq, ivs);
	m->data_off = (uint16_t)(m->data_off - front);
	m->data_len = (uint16_t)total;
	m->pkt_len = total;
	p->kind = PACKET_ROUTE;
	p->flags = PACKET_MADE | PACKET_NO_POLICY;
	p->handoffs = 0;
	p->ihl = SA_IPV4_HEADER;
	p->out = onward->out;
	p->hop = onward->hop;
	p->next_hop = onward->next_hop;
	item->sa = sa;
	item->esp = at;
	item->text_len = text_len;
}

// Is there room around the packet, and is it in one piece?
static inline bool has_room(const struct rte_mbuf *m, const struct sa *sa, uint32_t text_len)
{
	return m->nb_segs == 1 && m->data_off >= sa_front(sa) &&
	       (uint32_t)m->data_off + text_len + sa->icv_len <= m->buf_len;
}

static void refuse(struct worker *w, struct rte_mbuf *m, struct sa *sa, enum counter reason)
{
	sa_count(&sa->other_drops, 1);
	worker_drop(w, m, reason);
}

// Longer than its path takes in one piece. True: it goes all the same, and the outer packet is cut.
static bool stretch(struct worker *w, struct rte_mbuf *m, struct sa *sa, const struct path *path,
                    uint32_t total)
{
	uint32_t df = packet_ip(m)->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);

	if (!cut_outside(sa, df, path->flags)) {
		too_long(w, m, sa, RTE_MIN(path->mtu, sa->out.mtu));
		return false;
	}
	if (total <= UINT16_MAX)
		return true;
	refuse(w, m, sa, DROP_NO_BUFFER);
	return false;
}

// The upper halves of extended sequence numbers: those of n packets in a row, the last one `seq`.
static void put_seq_hi(struct crypto_item *items, uint16_t n, uint64_t seq)
{
	while (n--)
		items[n].seq_hi = (uint32_t)(seq-- >> 32);
}

// Wraps a run of packets of one SA, which has room for them; returns how many items it made. What
// cannot be wrapped is dropped.
static __rte_always_inline uint16_t wrap_run(struct worker *w, struct sa *sa, struct path *path,
                                             struct rte_mbuf **pkts, uint16_t n,
                                             struct rte_mbuf **good, struct crypto_item *items)
{
	const struct wrap_onward onward = wrap_onward_find(w, sa);
	uint32_t longest = RTE_MIN(path->mtu, sa->out.mtu);
	uint64_t seq = sa->sequence, bytes = 0;
	const uint8_t *ivs = NULL;
	uint16_t k = 0;

	if (unlikely(sa->engine >= SA_ENGINE_MB))
		ivs = crypto_ivs(w->esp->crypto, n * (unsigned)sa->iv_len);
	// Its keys are wanted when the whole burst is wrapped; not sooner, or they push the other
	// SAs' lines out of the first-level cache again.
	crypto_prefetch_keys(sa->keys, sa->engine, pkts[0]->data_len);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint32_t len = m->data_len, text_len = wrap_text_len(sa->align, len), df;

		if (unlikely(packet_of(m)->out != path->out)) {
			path_find(w, path, packet_of(m)->out);
			longest = RTE_MIN(path->mtu, sa->out.mtu);
		}
		df = (packet_ip(m)->fragment_offset & path->df_copy) | path->df_set;
		if (unlikely(sa->overhead + text_len > longest)) {
			if (!stretch(w, m, sa, path, sa->overhead + text_len))
				continue;
			df = 0;
		}
		if (unlikely(!has_room(m, sa, text_len))) {
			refuse(w, m, sa, m->nb_segs == 1 ? DROP_NO_BUFFER : DROP_SEGMENTED);
			continue;
		}
		wrap_one(w, m, sa, &onward, text_len, df, ++seq, &ivs, &items[k]);
		bytes += len;
		good[k++] = m;
	}
	if (unlikely(sa_is_esn(sa)))
		put_seq_hi(items, k, seq);
	activity_mark(&sa->last_out, w->now);
	// Control reads these; nobody else writes them.
	__atomic_store_n(&sa->sequence, seq, __ATOMIC_RELAXED);
	sa_count(&sa->packets, k);
	sa_count(&sa->bytes, bytes);
	return k;
}

static uint16_t wrap_all(struct worker *w, struct rte_mbuf **pkts, const struct run *runs,
                         uint16_t n_runs, struct crypto_item *items, unsigned *engines)
{
	struct rte_mbuf **good = pkts;
	struct path path;
	uint16_t k = 0;

	path_find(w, &path, packet_of(pkts[0])->out);
	for (uint16_t r = 0; r < n_runs; r++) {
		struct sa *sa = runs[r].sa;

		*engines |= crypto_engine(sa);
		for (uint16_t left = runs[r].n, len; left; left -= len, pkts += len) {
			len = wrap_within_limits(w, sa, left);
			if (unlikely(len == 0)) {
				refuse(w, pkts[0], sa, DROP_ESP_LIFETIME);
				len = 1;
				continue;
			}
			if (unlikely(sa->is_transport))
				k += esp_transport_wrap(w, sa, pkts, len, good + k, items + k);
			else
				k += wrap_run(w, sa, &path, pkts, len, good + k, items + k);
		}
	}
	return k;
}

// Takes out what could not be encrypted.
static uint16_t drop_failed(struct worker *w, struct rte_mbuf **pkts, uint16_t n,
                            const struct crypto_item *items)
{
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (items[i].ok) {
			pkts[k++] = pkts[i];
			continue;
		}
		sa_count(&items[i].sa->other_drops, 1);
		worker_drop(w, pkts[i], DROP_ESP_CRYPTO);
	}
	return k;
}

uint16_t esp_out(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct crypto_item items[WORKER_BURST];
	struct run runs[WORKER_BURST];
	unsigned engines = 0;
	uint16_t n_runs;

	w->esp->astray = false;
	n_runs = find_sas(w, pkts, n, runs);
	if (n_runs == 0)
		return 0;
	n = wrap_all(w, pkts, runs, n_runs, items, &engines);
	stats_stage(&w->stats, DP_STAGE_ESP_OUT, n);
	if (unlikely(!crypto_encrypt(w->esp->crypto, items, n, engines)))
		n = drop_failed(w, pkts, n, items);
	stats_stage(&w->stats, DP_STAGE_ENCRYPT, n);
	worker_count_n(w, COUNT_ENCRYPTED, n);
	return n;
}
