// ESP out: flow -> SA -> sequence number -> headers and trailer -> crypto burst -> outer packet
// (RFC 4303 3.3, RFC 4301 5.1). [W] The flow's owner only; packets of others are handed off,
// packets without an SA are held. Where the outer packet goes is remembered with the SA.
#include <rte_branch_prediction.h>

#include "esp6.h"
#include "esp_transport.h"
#include "esp_transport6.h"
#include "wrap.h"

// Packets of one flow in a row: what the first one found.
struct run {
	struct handle flow;
	struct tunnel *t; // NULL: stale, another worker's, or not here yet
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
	} else {
		activity_mark(&run->t->last_out, w->now);
	}
}

// A packet whose flow has no SA here: out of date, another worker's, not here yet, or to be held.
static void without_sa(struct worker *w, const struct run *run, struct rte_mbuf *m)
{
	unsigned owner = tunnel_owner(w->dp->tunnels, run->flow.index);

	if (run->t)
		tunnel_hold(w, run->t, m);
	else if (!tunnel_is_current(w->dp->tunnels, run->flow))
		worker_drop(w, m, DROP_TUNNEL_STALE);
	else if (owner != w->index)
		handoff_send(w, owner, m, PACKET_TUNNEL);
	else
		tunnel_early(w, m);
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

// Wraps a run of packets of one SA, which has room for them; returns how many items it made. What
// cannot be wrapped is dropped.
static __rte_always_inline uint16_t wrap_run(struct worker *w, struct sa *sa,
                                             struct wrap_path *path, struct rte_mbuf **pkts,
                                             uint16_t n, struct rte_mbuf **good,
                                             struct crypto_item *items)
{
	const struct wrap_onward onward = wrap_onward_find(w, sa);
	// Of the path, and of the interface that the outer packet leaves by.
	const uint32_t most = RTE_MIN(onward.mtu, sa->out.mtu);
	uint32_t longest = RTE_MIN(path->mtu, most);
	uint64_t seq = sa->sequence, bytes = 0;
	const uint8_t *ivs = NULL;
	uint16_t k = 0;

	if (unlikely(sa->engine >= SA_ENGINE_MB))
		ivs = crypto_ivs(w->esp->crypto, n * (unsigned)sa->iv_len);
	// Its keys are wanted when the whole burst is wrapped; not sooner, or they push the other
	// SAs' lines out of the first-level cache again.
	crypto_prefetch_keys(sa->keys, sa->engine, sa->key_len, pkts[0]->data_len);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint32_t len = m->data_len, text_len = wrap_text_len(sa->align, len), df;

		if (unlikely(packet_of(m)->out != path->out)) {
			wrap_path_find(w, path, packet_of(m)->out);
			longest = RTE_MIN(path->mtu, most);
		}
		df = (packet_ip(m)->fragment_offset & path->df_copy) | path->df_set;
		if (unlikely(sa->overhead + text_len > longest)) {
			if (!wrap_stretch(w, m, sa, path, longest, sa->overhead + text_len))
				continue;
			df = 0;
		}
		if (unlikely(!wrap_has_room(m, sa, text_len))) {
			wrap_refuse(w, m, sa, m->nb_segs == 1 ? DROP_NO_BUFFER : DROP_SEGMENTED);
			continue;
		}
		wrap_one(w, m, sa, &onward, text_len, df, ++seq, &ivs, &items[k]);
		bytes += len;
		good[k++] = m;
	}
	if (unlikely(sa_is_esn(sa)))
		wrap_put_seq_hi(items, k, seq);
	activity_mark(&sa->last_out, w->now);
	wrap_account(sa, seq, k, bytes);
	return k;
}

static uint16_t wrap_all(struct worker *w, struct rte_mbuf **pkts, const struct run *runs,
                         uint16_t n_runs, struct crypto_item *items, unsigned *engines)
{
	struct rte_mbuf **good = pkts;
	struct wrap_path path;
	uint16_t k = 0;

	wrap_path_find(w, &path, packet_of(pkts[0])->out);
	for (uint16_t r = 0; r < n_runs; r++) {
		struct sa *sa = runs[r].sa;

		*engines |= crypto_engine(sa);
		// Once a tick is often enough: nothing that doubt depends on is finer.
		if (activity_load(&sa->last_out) != activity_from_tick(w->now) &&
		    tick_diff(w->now, sa->doubt_from) >= 0)
			tunnel_doubt(w, runs[r].t, runs[r].flow);
		for (uint16_t left = runs[r].n, len; left; left -= len, pkts += len) {
			len = wrap_within_limits(w, sa, left);
			if (unlikely(len == 0)) {
				activity_mark(&runs[r].t->last_out, w->now);
				wrap_refuse(w, pkts[0], sa, DROP_ESP_LIFETIME);
				len = 1;
				continue;
			}
			if (likely(!sa->is_transport && !sa_has_ipv6(sa)))
				k += wrap_run(w, sa, &path, pkts, len, good + k, items + k);
			else if (sa->is_transport && sa->outer6)
				k += esp_transport6_wrap(w, sa, pkts, len, good + k, items + k);
			else if (sa->is_transport)
				k += esp_transport_wrap(w, sa, pkts, len, good + k, items + k);
			else
				k += esp6_wrap(w, sa, &path, pkts, len, good + k, items + k);
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
		wrap_refuse(w, pkts[i], items[i].sa, DROP_ESP_CRYPTO);
	}
	return k;
}

uint16_t esp_out(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct crypto_item items[WORKER_BURST];
	struct run runs[WORKER_BURST];
	unsigned engines = 0;
	uint16_t n_runs;

	w->esp->astray = w->esp->some_ipv6 = false;
	n_runs = find_sas(w, pkts, n, runs);
	if (n_runs == 0)
		return 0;
	n = wrap_all(w, pkts, runs, n_runs, items, &engines);
	stats_stage(&w->stats, DP_STAGE_ESP_OUT, n);
	if (unlikely(!crypto_encrypt(w->esp->crypto, items, n, engines)))
		n = drop_failed(w, pkts, n, items);
	if (unlikely(w->esp->some_ipv6))
		esp6_checksums(pkts, n);
	stats_stage(&w->stats, DP_STAGE_ENCRYPT, n);
	worker_count_n(w, COUNT_ENCRYPTED, n);
	return n;
}
