// The short way out, for whole bursts: plain IPv4 packets that a crypto map sends through a tunnel
// whose SA is there. [W] Three passes: look at the packets and sort them into runs of one flow;
// find each run's SA; wrap the packets, Ethernet header and all. Then encrypt and send.
//
// Nothing is written before a packet is known to go this way, so that the long way (worker.c) finds
// what is left as it came.
#include "express.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "egress.h"
#include "express_plain.h"
#include "policy.h"
#include "tunnel.h"
#include "wrap.h"

// Packets of one flow in a row.
struct run {
	uint16_t n;
	uint16_t out; // interface that the route of the inner destination leads to
	struct tunnel *t;
	struct sa *sa;
	struct handle flow;
	struct worker_tx *tx;
};

static void key_of(const struct rte_ipv4_hdr *ip, uint16_t out, struct policy_key *key)
{
	const uint16_t *ports = (const uint16_t *)(ip + 1);
	bool has = policy_proto_has_ports(ip->next_proto_id);

	*key = (struct policy_key){
		.local = ip->src_addr,
		.remote = ip->dst_addr,
		.local_port = has ? rte_be_to_cpu_16(ports[0]) : 0,
		.remote_port = has ? rte_be_to_cpu_16(ports[1]) : 0,
		.proto = ip->next_proto_id,
		.ports = has ? POLICY_PORTS_KNOWN : POLICY_PORTS_NONE,
		.iface = out,
	};
}

// The interface that a hop leads to, if it is up and its crypto map decides.
static uint16_t mapped_iface(const struct worker *w, uint16_t index)
{
	const struct route_hop *hop = route_hop(w->dp->routes, index);
	const uint32_t both = IFACE_UP | IFACE_CRYPTO_MAP;

	if ((hop->kind != ROUTE_GATEWAY && hop->kind != ROUTE_CONNECTED) ||
	    (iface_word(&w->dp->ifaces[hop->iface].flags) & both) != both)
		return PACKET_NO_IFACE;
	return hop->iface;
}

// Sorts the packets in front that are plain into runs of equal addresses, protocol and ports.
// Returns how many runs.
static uint16_t look(const struct worker *w, const struct iface *iface, struct rte_mbuf **pkts,
                     uint16_t n, struct run *runs, struct policy_key *keys)
{
	// Relaxed: a hint, as for mss_clamp().
	const bool clamps = __atomic_load_n(&w->dp->mss_any, __ATOMIC_RELAXED);
	const __m128i want = express_want(iface);
	__m128i flow = _mm_setzero_si128(), own;
	uint16_t out = PACKET_NO_IFACE, hop = PACKET_NO_HOP, k = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_ipv4_hdr *ip = express_ip(pkts[i]);
		uint16_t to;

		if (unlikely(!express_is_plain(want, pkts[i])) || unlikely(ip->time_to_live <= 1))
			break;
		if (unlikely(clamps) && express_is_syn(ip, rte_be_to_cpu_16(ip->total_length)))
			break;
		own = express_flow(ip);
		if (k && express_same_flow(own, flow)) {
			runs[k - 1].n++;
			continue;
		}
		to = route_lookup(w->dp->routes, ip->dst_addr);
		if (to != hop) {
			hop = to;
			out = mapped_iface(w, hop);
		}
		if (unlikely(out == PACKET_NO_IFACE) ||
		    unlikely(ipv4_source_is_bad(rte_be_to_cpu_32(ip->src_addr))))
			break;
		flow = own;
		runs[k].n = 1;
		runs[k].out = out;
		key_of(ip, out, &keys[k++]);
	}
	return k;
}

// The place of a flow of this worker's, or NULL: another's. Whose it is now, its generation says.
static struct tunnel *tunnel_of(const struct worker *w, struct handle flow)
{
	const struct tunnel_table *table = w->dp->tunnels;

	return tunnel_owner(table, flow.index) == w->index ? chunks_at(&table->tunnels, flow.index)
	                                                   : NULL;
}

// The runs in front whose flow is this worker's, and has an SA.
static uint16_t find(struct worker *w, struct run *runs, const struct policy_key *keys, uint16_t n)
{
	struct policy_answer answers[WORKER_BURST];
	uint16_t k;

	policy_find_burst(w->dp->policy, w->flows, keys, n, answers);
	for (k = 0; k < n && answers[k].verdict == POLICY_PROTECT; k++) {
		runs[k].flow = answers[k].tunnel;
		runs[k].t = tunnel_of(w, runs[k].flow);
		if (unlikely(!runs[k].t))
			break;
		rte_prefetch0(runs[k].t);
	}
	n = k;
	for (k = 0; k < n; k++) {
		struct run *run = &runs[k];

		run->sa = run->t->sa;
		if (unlikely(run->t->generation != run->flow.generation || !run->sa))
			break;
		rte_prefetch0(run->sa);
		rte_prefetch0(&run->sa->sequence);
	}
	return k;
}

// The outer packet of a run, and the frame around it.
struct wrapping {
	struct egress_way way;
	uint16_t hop;     // whose way it is, whatever the destination; or PACKET_NO_HOP
	uint32_t longest; // bytes of an outer packet
	uint64_t seq;
	const uint8_t *ivs;
};

static __rte_always_inline void wrap_one(struct worker *w, struct rte_mbuf *m, struct sa *sa,
                                         const struct wrap_path *path, struct wrapping *wr,
                                         uint32_t front, uint32_t len, uint32_t text_len,
                                         struct crypto_item *item)
{
	struct rte_ipv4_hdr *ip = express_ip(m);
	uint8_t *inner = (uint8_t *)ip, *at = inner - front;
	uint32_t total = sa->overhead + text_len;
	uint32_t df = (ip->fragment_offset & path->df_copy) | path->df_set;

	ipv4_ttl_decrement(ip);
	wrap_put_trailer(inner + len, text_len - len - ESP_TRAILER, ESP_NEXT_IPV4);
	egress_put_header(&wr->way, at - RTE_ETHER_HDR_LEN);
	wrap_put_ipv4(&sa->out, at, total, ip->type_of_service, df, (uint16_t)w->ip_id++);
	if (unlikely(sa->encap == SA_ENCAP_UDP))
		wrap_put_udp(at + SA_IPV4_HEADER, sa, (uint16_t)(total - SA_IPV4_HEADER));
	at += sa->head_len;
	wrap_put_esp(sa, at, ++wr->seq, &wr->ivs);
	m->data_off = (uint16_t)(m->data_off - front);
	m->data_len = (uint16_t)(total + RTE_ETHER_HDR_LEN);
	m->pkt_len = total + RTE_ETHER_HDR_LEN;
	item->sa = sa;
	item->esp = at;
	item->text_len = text_len;
}

// Wraps the packets of a run in front that fit; returns how many.
static __rte_always_inline uint16_t wrap_run(struct worker *w, const struct run *run,
                                             const struct wrap_path *path, struct wrapping *wr,
                                             struct rte_mbuf **pkts, struct crypto_item *items)
{
	struct sa *sa = run->sa;
	uint32_t front = sa_front(sa);
	uint64_t bytes = 0;
	uint16_t i;

	wr->seq = sa->sequence;
	if (unlikely(sa->engine >= SA_ENGINE_MB))
		wr->ivs = crypto_ivs(w->esp->crypto, run->n * (unsigned)sa->iv_len);
	for (i = 0; i < run->n; i++) {
		uint32_t len = rte_be_to_cpu_16(express_ip(pkts[i])->total_length);
		uint32_t text_len = wrap_text_len(sa->align, len);

		if (unlikely(sa->overhead + text_len > wr->longest))
			break;
		wrap_one(w, pkts[i], sa, path, wr, front, len, text_len, &items[i]);
		bytes += len;
	}
	if (unlikely(sa_is_esn(sa)))
		wrap_put_seq_hi(items, i, wr->seq);
	activity_mark(&sa->last_out, w->now);
	wrap_account(sa, wr->seq, i, bytes);
	return i;
}

// The way of the outer packets of an SA, by the hop that its route has now.
static __rte_noinline void way_find(struct worker *w, struct sa *sa, uint16_t index,
                                    struct wrapping *wr)
{
	const struct wrap_onward onward = wrap_onward_find(w, sa);
	bool gateway = route_hop(w->dp->routes, index)->kind == ROUTE_GATEWAY;
	struct egress_way *way = &wr->way;

	wr->hop = gateway ? index : PACKET_NO_HOP;
	if (onward.out == PACKET_NO_IFACE)
		*way = (struct egress_way){.iface = PACKET_NO_IFACE};
	else if (onward.next_hop != way->next_hop || onward.out != way->iface)
		egress_way_find(w, onward.out, onward.next_hop, way);
	if (way->open && w->dp->ifaces[way->iface].sub)
		way->open = false;
}

// Can the run's packets go through its SA without a second thought, and where do they go then?
static inline bool run_opens(struct worker *w, const struct run *run, struct wrap_path *path,
                             struct wrapping *wr)
{
	struct sa *sa = run->sa;
	uint16_t hop;

	if (unlikely(sa->is_transport || sa_has_ipv6(sa)) ||
	    unlikely(wrap_is_used_up(sa, run->n, (uint64_t)run->n * UINT16_MAX)))
		return false;
	hop = route_remembered(w->dp->routes, sa->out.dst, &sa->routes, &sa->hop);
	if (unlikely(hop != wr->hop))
		way_find(w, sa, hop, wr);
	if (unlikely(!wr->way.open))
		return false;
	if (unlikely(run->out != path->out))
		wrap_path_find(w, path, run->out);
	wr->longest = RTE_MIN(RTE_MIN(path->mtu, sa->out.mtu), wr->way.mtu);
	return true;
}

// Wraps the packets in front; returns how many. Runs that are not used any more have n = 0.
static uint16_t wrap(struct worker *w, struct run *runs, uint16_t *n_runs, struct rte_mbuf **pkts,
                     struct crypto_item *items, unsigned *engines)
{
	struct wrapping wr = {.way.iface = PACKET_NO_IFACE, .hop = PACKET_NO_HOP};
	struct wrap_path path;
	uint16_t k = 0, r;

	wrap_path_find(w, &path, runs[0].out);
	for (r = 0; r < *n_runs; r++) {
		struct run *run = &runs[r];
		uint16_t done;

		if (!run_opens(w, run, &path, &wr))
			break;
		if (activity_mark(&run->t->last_out, w->now) &&
		    tick_diff(w->now, run->t->doubt_from) >= 0)
			tunnel_doubt(w, run->t, run->flow);
		crypto_prefetch_keys(run->sa->keys, run->sa->engine, run->sa->key_len,
		                     pkts[k]->data_len);
		*engines |= crypto_engine(run->sa);
		run->tx = wr.way.tx;
		done = wrap_run(w, run, &path, &wr, pkts + k, items + k);
		k += done;
		if (done < run->n) {
			run->n = done;
			r++;
			break;
		}
	}
	*n_runs = r;
	return k;
}

// Takes out what could not be encrypted; returns how many are left.
static uint16_t drop_failed(struct worker *w, struct run *runs, uint16_t n_runs,
                            struct rte_mbuf **pkts, const struct crypto_item *items)
{
	uint16_t k = 0, i = 0;

	for (uint16_t r = 0; r < n_runs; r++) {
		uint16_t before = k;

		for (uint16_t end = i + runs[r].n; i < end; i++) {
			if (items[i].ok)
				pkts[k++] = pkts[i];
			else
				wrap_refuse(w, pkts[i], runs[r].sa, DROP_ESP_CRYPTO);
		}
		runs[r].n = k - before;
	}
	return k;
}

// Frames of the same port in a row go into its buffer at once.
static void send_runs(struct worker *w, const struct run *runs, uint16_t n_runs,
                      struct rte_mbuf **pkts)
{
	for (uint16_t r = 0, n; r < n_runs; pkts += n) {
		struct worker_tx *tx = runs[r].tx;

		for (n = 0; r < n_runs && runs[r].tx == tx; r++)
			n += runs[r].n;
		tx_frames(w, (uint16_t)(tx - w->tx), pkts, n);
	}
}

uint16_t express_out(struct worker *w, uint16_t index, struct rte_mbuf **pkts, uint16_t n)
{
	struct crypto_item items[WORKER_BURST];
	struct policy_key keys[WORKER_BURST];
	struct run runs[WORKER_BURST];
	const struct iface *iface = &w->dp->ifaces[index];
	unsigned engines = 0;
	uint16_t n_runs, good;

	if (unlikely(!iface_is_up(iface)))
		return 0;
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(express_ip(pkts[i]));
	n_runs = look(w, iface, pkts, n, runs, keys);
	if (n_runs == 0)
		return 0;
	stats_stage(&w->stats, DP_STAGE_CLASSIFY, n);
	n_runs = find(w, runs, keys, n_runs);
	stats_stage(&w->stats, DP_STAGE_POLICY, n);
	if (n_runs == 0)
		return 0;
	n = wrap(w, runs, &n_runs, pkts, items, &engines);
	stats_stage(&w->stats, DP_STAGE_ESP_OUT, n);
	if (n == 0)
		return 0;
	worker_count_n(w, COUNT_RX, n);
	worker_count_n(w, COUNT_FORWARDED, n);
	good = n;
	if (unlikely(!crypto_encrypt(w->esp->crypto, items, n, engines)))
		good = drop_failed(w, runs, n_runs, pkts, items);
	stats_stage(&w->stats, DP_STAGE_ENCRYPT, n);
	worker_count_n(w, COUNT_ENCRYPTED, good);
	send_runs(w, runs, n_runs, pkts);
	stats_stage(&w->stats, DP_STAGE_EGRESS, n);
	return n;
}
