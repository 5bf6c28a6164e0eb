// The short way out, for whole bursts: plain IPv4 packets that a crypto map sends through a tunnel
// whose SA is there. [W] Look at the packets and sort them into runs of one flow; find each run's
// flow and SA; wrap the packets, Ethernet header and all. Then encrypt and send.
//
// Nothing is written before a packet is known to go this way, so that the long way (worker.c) finds
// what is left as it came.
#include "express.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "egress.h"
#include "express_plain.h"
#include "flow_memo.h"
#include "policy.h"
#include "route.h"
#include "tunnel.h"
#include "wrap.h"

// Packets of one flow in a row.
struct run {
	__m128i key; // flow_memo_key()
	struct flow_memo_line *line;
	uint32_t first; // packet of the burst
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

// Sorts the packets in front that are plain into runs of equal addresses, protocol and ports.
// Returns how many runs.
static uint16_t look(const struct worker *w, const struct iface *iface, struct rte_mbuf **pkts,
                     uint16_t n, struct run *runs)
{
	// Relaxed: a hint, as for mss_clamp().
	const bool clamps = __atomic_load_n(&w->dp->mss_any, __ATOMIC_RELAXED);
	const struct flow_memo memo = *w->memo;
	const __m128i want = express_want(iface);
	__m128i flow = _mm_setzero_si128(), own;
	uint16_t k = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct rte_ipv4_hdr *ip = express_ip(pkts[i]);
		struct run *run = &runs[k];

		if (unlikely(!express_is_plain(want, pkts[i])) || unlikely(ip->time_to_live <= 1))
			break;
		if (unlikely(clamps) && express_is_syn(ip, rte_be_to_cpu_16(ip->total_length)))
			break;
		own = express_flow(ip);
		if (k && express_same_flow(own, flow)) {
			run[-1].n++;
			continue;
		}
		flow = own;
		run->key = flow_memo_key(&memo, own, policy_proto_has_ports(ip->next_proto_id));
		run->line = flow_memo_line(&memo, run->key);
		rte_prefetch0(run->line);
		run->first = i;
		run->n = 1;
		k++;
	}
	return k;
}

// ---- where to -----------------------------------------------------------------------------------

// Is the interface up, and does its crypto map decide?
static bool is_mapped(const struct worker *w, uint16_t iface)
{
	const uint32_t both = IFACE_UP | IFACE_CRYPTO_MAP;

	return (iface_word(&w->dp->ifaces[iface].flags) & both) == both;
}

// The interface that a destination leads to, if it is one of those.
static uint16_t mapped_iface(const struct worker *w, uint32_t dst)
{
	const struct route_hop *hop = route_hop(w->dp->routes, route_lookup(w->dp->routes, dst));

	if ((hop->kind != ROUTE_GATEWAY && hop->kind != ROUTE_CONNECTED) ||
	    !is_mapped(w, hop->iface))
		return PACKET_NO_IFACE;
	return hop->iface;
}

// Does what is remembered under this stamp still hold?
static bool stamp_holds(const struct worker *w, uint64_t stamp)
{
	uint16_t out = flow_memo_out(stamp);

	return stamp && is_mapped(w, out) &&
	       flow_memo_stamp(policy_version(w->dp->policy, out), out) == stamp;
}

// A flow of this worker's; what it is now, its generation says.
static inline void lead_to(const struct worker *w, struct run *run, struct handle flow)
{
	run->flow = flow;
	run->t = chunks_at(&w->dp->tunnels->tunnels, flow.index);
	rte_prefetch0(run->t);
}

// Looks up what the memo does not know: `missed` of the runs, by their numbers. Returns how many
// runs in front have a flow of this worker's.
static __rte_noinline uint16_t look_up(struct worker *w, struct rte_mbuf **pkts, struct run *runs,
                                       uint16_t n_runs, const uint8_t *missed, uint16_t n)
{
	struct policy_answer answers[WORKER_BURST];
	struct policy_key keys[WORKER_BURST];
	uint64_t stamps[WORKER_BURST];
	uint16_t k;

	for (k = 0; k < n; k++) {
		const struct rte_ipv4_hdr *ip = express_ip(pkts[runs[missed[k]].first]);
		uint16_t out = mapped_iface(w, ip->dst_addr);

		if (out == PACKET_NO_IFACE || ipv4_source_is_bad(rte_be_to_cpu_32(ip->src_addr)))
			break;
		runs[missed[k]].out = out;
		// Before the look-up: a later answer under an earlier stamp is void, not wrong.
		stamps[k] = flow_memo_stamp(policy_version(w->dp->policy, out), out);
		key_of(ip, out, &keys[k]);
	}
	if (k < n)
		n_runs = missed[k];
	if (k == 0)
		return n_runs;
	n = k;
	policy_find_burst(w->dp->policy, w->flows, keys, n, answers);
	for (k = 0; k < n; k++) {
		struct run *run = &runs[missed[k]];
		struct handle flow = answers[k].tunnel;

		if (answers[k].verdict != POLICY_PROTECT ||
		    tunnel_owner(w->dp->tunnels, flow.index) != w->index)
			return missed[k];
		flow_memo_put(run->line, run->key, flow, stamps[k]);
		lead_to(w, run, flow);
	}
	return n_runs;
}

// The runs in front that have a flow of this worker's.
static uint16_t find_flows(struct worker *w, struct rte_mbuf **pkts, struct run *runs, uint16_t n)
{
	uint8_t missed[WORKER_BURST];
	uint16_t n_missed = 0;
	uint64_t good = 0; // a stamp that holds

	for (uint16_t k = 0; k < n; k++) {
		struct run *run = &runs[k];
		const struct flow_memo_entry *e = flow_memo_find(run->line, run->key);

		if (unlikely(!e) || (unlikely(e->stamp != good) && !stamp_holds(w, e->stamp))) {
			missed[n_missed++] = (uint8_t)k;
			continue;
		}
		good = e->stamp;
		run->out = flow_memo_out(good);
		lead_to(w, run, e->tunnel);
	}
	return likely(n_missed == 0) ? n : look_up(w, pkts, runs, n, missed, n_missed);
}

// The runs in front whose flow has an SA.
static uint16_t find_sas(struct run *runs, uint16_t n)
{
	uint16_t k;

	for (k = 0; k < n; k++) {
		struct run *run = &runs[k];

		if (unlikely(!run->t))
			break;
		run->sa = run->t->sa;
		if (unlikely(run->t->generation != run->flow.generation || !run->sa))
			break;
		rte_prefetch0(run->sa);
		rte_prefetch0(&run->sa->sequence);
	}
	return k;
}

// ---- wrapping -----------------------------------------------------------------------------------

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

	if (unlikely(!sa_is_plain_tunnel(sa)) ||
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
	struct run runs[WORKER_BURST];
	const struct iface *iface = &w->dp->ifaces[index];
	unsigned engines = 0;
	uint16_t n_runs, good;
	uint32_t routes;

	if (unlikely(!iface_is_up(iface)))
		return 0;
	// Acquire: what is looked up from here on is of this version or a later one.
	routes = __atomic_load_n(&w->dp->routes->view.version, __ATOMIC_ACQUIRE);
	if (unlikely(routes != w->memo->routes))
		flow_memo_renew(w->memo, routes);
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(express_ip(pkts[i]));
	n_runs = look(w, iface, pkts, n, runs);
	stats_stage(&w->stats, DP_STAGE_CLASSIFY, n);
	n_runs = find_flows(w, pkts, runs, n_runs);
	n_runs = find_sas(runs, n_runs);
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
