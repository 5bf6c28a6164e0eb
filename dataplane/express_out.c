// The short way out, for whole bursts: plain IPv4 packets that a crypto map sends through a tunnel
// whose SA is there. [W] Sort them into runs of one flow; look at the frames; find each run's flow
// and SA, and look at its packets; wrap these, Ethernet header and all; encrypt; send. Each of
// these goes over the whole burst, and has what a later one needs brought in from memory.
//
// Nothing of a packet is written before it is known to go this way, so that the long way (worker.c)
// finds what is left as it came; of its SA only what the long way would write as well.
#include "express.h"

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "egress.h"
#include "express_plain.h"
#include "flow_memo.h"
#include "policy.h"
#include "route.h"
#include "sa_table.h"
#include "tunnel.h"
#include "wrap.h"

// In front of the text, with AES-GCM.
#define USUAL_FRONT (SA_IPV4_HEADER + SA_ESP_HEADER + EXPRESS_GCM_IV)

// Packets of one flow in a row.
struct run {
	__m128i key; // flow_memo_key()
	struct flow_memo_line *line;
	struct sa *sa;
	uint32_t current; // of the SA, if it is the flow's
	uint16_t out;     // interface that the route of the inner destination leads to
	uint16_t first;   // packet of the burst
	uint16_t n;
};

struct burst {
	alignas(SA_LINE) struct crypto_item items[WORKER_BURST];
	struct run runs[WORKER_BURST], *end;
	struct rte_mbuf **pkts;
	struct rte_ipv4_hdr *ips[WORKER_BURST]; // what the packets begin with
};

// Packets that leave by one port in a row, up to the next leg's first.
struct leg {
	struct worker_tx *tx;
	uint16_t first; // packet of the burst
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

// Sorts the packets into runs of equal addresses, protocol and ports, whatever they are: what the
// memo knows of a flow is far away, and may come while they are looked at.
static void sort(const struct worker *w, struct burst *b, uint16_t n)
{
	const struct flow_memo memo = *w->memo;
	__m128i flow = _mm_setzero_si128(), own;
	struct run *run = b->runs;

	for (unsigned i = 0; i < n; i++) {
		const struct rte_ipv4_hdr *ip = b->ips[i];

		own = express_flow(ip);
		if (run > b->runs && express_same_flow(own, flow)) {
			run[-1].n++;
			continue;
		}
		flow = own;
		run->key = flow_memo_key(&memo, own, policy_proto_has_ports(ip->next_proto_id));
		run->line = flow_memo_line(&memo, run->key);
		rte_prefetch0(run->line);
		run->first = (uint16_t)i;
		run->n = 1;
		run++;
	}
	b->end = run;
}

// Only the first n packets go on.
static __rte_noinline void cut(struct burst *b, uint16_t n)
{
	while (b->end > b->runs && b->end[-1].first >= n)
		b->end--;
	if (b->end > b->runs)
		b->end[-1].n = n - b->end[-1].first;
}

// Only what is plain goes on. Returns how many of the n frames.
static uint16_t look_at_frames(const struct iface *iface, struct burst *b, uint16_t n)
{
	const __m128i want = express_want(iface);
	uint16_t i = 0;

	while (i < n && likely(express_frame_is_plain(want, b->pkts[i], b->ips[i])))
		i++;
	if (unlikely(i < n))
		cut(b, i);
	return i;
}

static inline bool packet_goes(const struct rte_ipv4_hdr *ip, bool clamps)
{
	return likely(express_packet_is_plain(ip)) && likely(ip->time_to_live > 1) &&
	       !(unlikely(clamps) && express_is_syn(ip, rte_be_to_cpu_16(ip->total_length)));
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

// Runs that the memo does not know, by their numbers.
struct missed {
	uint16_t n;
	uint8_t runs[WORKER_BURST];
};

// Finds the SAs of runs, and looks at their packets: many SAs come in from memory one by one then.
static inline void find_sas(struct worker *w, struct burst *b, struct missed *missed)
{
	// Relaxed: a hint, as for mss_clamp().
	const bool clamps = __atomic_load_n(&w->dp->mss_any, __ATOMIC_RELAXED);
	uint16_t out = PACKET_NO_IFACE;

	missed->n = 0;
	for (struct run *run = b->runs; run < b->end; run++) {
		const struct flow_memo_entry *e = flow_memo_find(run->line, run->key);
		uint16_t i = run->first;

		if (unlikely(!e) || (unlikely(e->out != out) && !is_mapped(w, e->out))) {
			missed->runs[missed->n++] = (uint8_t)(run - b->runs);
		} else {
			run->sa = e->sa;
			rte_prefetch0(run->sa);
			rte_prefetch0(&run->sa->sequence);
			run->current = e->current;
			run->out = out = e->out;
		}
		do {
			if (unlikely(!packet_goes(b->ips[i], clamps))) {
				cut(b, i);
				return;
			}
		} while (unlikely(++i < run->first + run->n));
	}
}

// What is asked of the policy about runs: n of them.
struct questions {
	struct policy_key keys[WORKER_BURST];
	struct policy_answer answers[WORKER_BURST];
	uint16_t n;
};

// Asks about the missed runs, up to the first whose way is another one.
static void ask(struct worker *w, struct burst *b, const struct missed *missed, struct questions *q)
{
	for (q->n = 0; q->n < missed->n; q->n++) {
		struct run *run = &b->runs[missed->runs[q->n]];
		const struct rte_ipv4_hdr *ip;

		if (run >= b->end)
			break;
		ip = b->ips[run->first];
		run->out = mapped_iface(w, ip->dst_addr);
		if (run->out == PACKET_NO_IFACE ||
		    ipv4_source_is_bad(rte_be_to_cpu_32(ip->src_addr))) {
			b->end = run;
			break;
		}
		key_of(ip, run->out, &q->keys[q->n]);
	}
	if (q->n)
		policy_find_burst(w->dp->policy, w->flows, q->keys, q->n, q->answers);
}

// Looks up what the memo does not know. The first run that has no flow of this worker's with an SA,
// and all behind it, do not go on.
static __rte_noinline void look_up(struct worker *w, struct burst *b, const struct missed *missed)
{
	struct questions q;

	ask(w, b, missed, &q);
	for (uint16_t k = 0; k < q.n; k++) {
		struct run *run = &b->runs[missed->runs[k]];
		struct tunnel *t = NULL;

		if (q.answers[k].verdict == POLICY_PROTECT)
			t = tunnel_own(w, q.answers[k].tunnel);
		if (!t || !t->sa) {
			b->end = run;
			return;
		}
		flow_memo_put(run->line, run->key, t->sa, run->out);
		run->sa = t->sa;
		run->current = t->sa->current;
	}
}

// ---- wrapping -----------------------------------------------------------------------------------

// The outer packets of a burst, and the frames around them.
struct wrapping {
	struct egress_way way;
	struct wrap_path path;
	uint32_t longest; // outer packet by both
	uint16_t hop;     // whose way it is, whatever the destination; or PACKET_NO_HOP
	uint32_t routes;  // their version
	uint32_t mark;    // what an SA's activity is now
	unsigned engines; // as for crypto_encrypt()
	unsigned unusual; // packets whose SA is not usual
	uint16_t n_legs;
	struct leg legs[WORKER_BURST + 1]; // and where the last one ends
};

static __rte_always_inline void wrap_one(struct worker *w, struct rte_mbuf *m,
                                         struct rte_ipv4_hdr *ip, struct sa *sa,
                                         const struct wrapping *wr, bool usual, uint64_t seq,
                                         const uint8_t **ivs, uint32_t len, uint32_t text_len,
                                         struct crypto_item *item)
{
	uint32_t front = usual ? USUAL_FRONT : sa_front(sa), total = sa->overhead + text_len;
	uint32_t df = (ip->fragment_offset & wr->path.df_copy) | wr->path.df_set;
	uint8_t *inner = (uint8_t *)ip, *at = inner - front;

	ipv4_ttl_decrement(ip);
	wrap_put_trailer(inner + len, text_len - len - ESP_TRAILER, ESP_NEXT_IPV4);
	egress_put_header(&wr->way, at - RTE_ETHER_HDR_LEN);
	wrap_put_ipv4(&sa->out, at, total, ip->type_of_service, df, (uint16_t)w->ip_id++);
	if (!usual && unlikely(sa->encap == SA_ENCAP_UDP))
		wrap_put_udp(at + SA_IPV4_HEADER, sa, (uint16_t)(total - SA_IPV4_HEADER));
	at += usual ? SA_IPV4_HEADER : sa->head_len;
	if (usual) {
		wrap_put_esp_header(sa, at, seq);
		wrap_put_iv_counter(sa, at + SA_ESP_HEADER, seq);
	} else {
		wrap_put_esp(sa, at, seq, ivs);
	}
	m->data_off = (uint16_t)(m->data_off - front);
	m->data_len = (uint16_t)(total + RTE_ETHER_HDR_LEN);
	m->pkt_len = total + RTE_ETHER_HDR_LEN;
	item->sa = sa;
	item->esp = at;
	item->text_len = text_len;
}

// Wraps the packets of a run in front that fit; returns how many. `usual`: AES-GCM, no UDP.
static __rte_always_inline uint16_t wrap_packets(struct worker *w, struct burst *b,
                                                 const struct run *run, uint16_t n,
                                                 const struct wrapping *wr, bool usual)
{
	struct crypto_item *items = &b->items[run->first];
	struct rte_ipv4_hdr **ips = &b->ips[run->first];
	struct rte_mbuf **pkts = &b->pkts[run->first];
	struct sa *sa = run->sa;
	uint32_t longest = RTE_MIN(wr->longest, sa->out.mtu);
	uint32_t align = usual ? EXPRESS_GCM_ALIGN : sa->align;
	uint64_t seq = sa->sequence, bytes = 0;
	const uint8_t *ivs = NULL;
	uint16_t i = 0;

	if (!usual && sa->engine >= SA_ENGINE_MB)
		ivs = crypto_ivs(w->esp->crypto, n * (unsigned)sa->iv_len);
	do {
		uint32_t len = rte_be_to_cpu_16(ips[i]->total_length);
		uint32_t text_len = wrap_text_len(align, len);

		if (unlikely(sa->overhead + text_len > longest))
			break;
		wrap_one(w, pkts[i], ips[i], sa, wr, usual, ++seq, &ivs, len, text_len, &items[i]);
		bytes += len;
	} while (unlikely(++i < n));
	if (!usual && sa_is_esn(sa))
		wrap_put_seq_hi(items, i, seq);
	wrap_account(sa, seq, i, bytes);
	return i;
}

static void wrapping_init(const struct worker *w, struct wrapping *wr)
{
	wr->way = (struct egress_way){.iface = PACKET_NO_IFACE};
	wr->path.out = PACKET_NO_IFACE;
	wr->path.mtu = 0;
	wr->hop = PACKET_NO_HOP;
	wr->routes = w->memo->routes;
	wr->mark = activity_from_tick(w->now);
	wr->engines = wr->unusual = 0;
	wr->n_legs = 0;
}

static inline void leg_begin(struct wrapping *wr, uint16_t first)
{
	wr->longest = RTE_MIN(wr->path.mtu, wr->way.mtu);
	if (wr->n_legs == 0 || wr->legs[wr->n_legs - 1].tx != wr->way.tx)
		wr->legs[wr->n_legs++] = (struct leg){.tx = wr->way.tx, .first = first};
}

// The way of the outer packets of an SA, from number `first` on, by the hop that its route has now.
static __rte_noinline bool way_find(struct worker *w, struct sa *sa, struct wrapping *wr,
                                    uint16_t first)
{
	const struct wrap_onward onward = wrap_onward_find(w, sa);
	bool gateway = route_hop(w->dp->routes, sa->hop)->kind == ROUTE_GATEWAY;
	struct egress_way *way = &wr->way;

	wr->hop = gateway ? sa->hop : PACKET_NO_HOP;
	if (onward.out == PACKET_NO_IFACE)
		*way = (struct egress_way){.iface = PACKET_NO_IFACE};
	else if (onward.next_hop != way->next_hop || onward.out != way->iface)
		egress_way_find(w, onward.out, onward.next_hop, way);
	if (way->open && w->dp->ifaces[way->iface].sub)
		way->open = false;
	if (way->open)
		leg_begin(wr, first);
	return way->open;
}

static __rte_noinline void path_find(struct worker *w, uint16_t out, struct wrapping *wr)
{
	wrap_path_find(w, &wr->path, out);
	wr->longest = RTE_MIN(wr->path.mtu, wr->way.mtu);
}

// Another version of the routes, or another hop, than of the run before.
static __rte_noinline bool way_turns(struct worker *w, struct wrapping *wr, const struct run *run)
{
	struct sa *sa = run->sa;
	uint16_t hop = route_remembered(w->dp->routes, sa->out.dst, &sa->routes, &sa->hop);

	return hop == wr->hop || way_find(w, sa, wr, run->first);
}

static __rte_noinline void doubt(struct worker *w, const struct sa *sa)
{
	struct tunnel *t = tunnel_own(w, sa->tunnel);

	if (t)
		tunnel_doubt(w, t, sa->tunnel);
}

// The first packet of a tick goes out: see tunnel_doubt().
static inline void mark(struct worker *w, struct sa *sa, uint32_t value)
{
	activity_store(&sa->last_out, value);
	if (unlikely(tick_diff(w->now, sa->doubt_from) >= 0))
		doubt(w, sa);
}

// Can n packets go through the run's SA without a second thought? Then the way is the SA's.
static __rte_always_inline bool run_opens(struct worker *w, const struct run *run, uint16_t n,
                                          struct wrapping *wr)
{
	struct sa *sa = run->sa;

	if (unlikely(wrap_is_used_up(sa, n, (uint64_t)n * UINT16_MAX)))
		return false;
	if (unlikely(run->out != wr->path.out))
		path_find(w, run->out, wr);
	if (unlikely(sa->routes != wr->routes || sa->hop != wr->hop) && !way_turns(w, wr, run))
		return false;
	if (activity_load(&sa->last_out) != wr->mark)
		mark(w, sa, wr->mark);
	return true;
}

static __rte_noinline uint16_t wrap_unusual(struct worker *w, struct burst *b,
                                            const struct run *run, struct wrapping *wr)
{
	const struct sa *sa = run->sa;
	uint16_t done;

	crypto_prefetch_keys(sa->keys, sa->engine, sa->key_len, b->pkts[run->first]->data_len);
	if (!sa_is_plain_tunnel(sa) || !run_opens(w, run, run->n, wr))
		return 0;
	done = wrap_packets(w, b, run, run->n, wr, false);
	wr->engines |= crypto_engine(sa);
	wr->unusual += done;
	return done;
}

// Wraps those of the run's n packets that go; returns how many.
static __rte_always_inline uint16_t wrap_run(struct worker *w, struct burst *b,
                                             const struct run *run, uint16_t n, struct wrapping *wr)
{
	const struct sa *sa = run->sa;

	if (unlikely(sa->current != run->current)) {
		flow_memo_forget(run->line, run->key);
		return 0;
	}
	if (unlikely(!sa_is_usual(sa)))
		return wrap_unusual(w, b, run, wr);
	if (run->first < CRYPTO_AHEAD) // the rest: crypto_encrypt()
		crypto_prefetch_gcm(sa->keys, sa->key_len, b->pkts[run->first]->data_len);
	if (unlikely(!run_opens(w, run, n, wr)))
		return 0;
	return wrap_packets(w, b, run, n, wr, true);
}

static __rte_noinline uint16_t wrap_many(struct worker *w, struct burst *b, const struct run *run,
                                         struct wrapping *wr)
{
	return wrap_run(w, b, run, run->n, wr);
}

// Wraps the packets of runs up to the first that does not go; returns how many.
static uint16_t wrap_runs(struct worker *w, struct burst *b, struct wrapping *wr)
{
	uint16_t n = 0;

	for (const struct run *run = b->runs; run < b->end; run++) {
		// Of many flows a run is one packet, which needs no loop.
		uint16_t done =
			likely(run->n == 1) ? wrap_run(w, b, run, 1, wr) : wrap_many(w, b, run, wr);

		n += done;
		if (unlikely(done < run->n))
			break;
	}
	if (n > wr->unusual)
		wr->engines |= 1u << SA_ENGINE_GCM;
	wr->legs[wr->n_legs].first = n;
	return n;
}

// Takes out what could not be encrypted; returns how many are left.
static uint16_t drop_failed(struct worker *w, struct wrapping *wr, const struct burst *b)
{
	uint16_t k = 0, i = 0;

	for (uint16_t l = 0; l < wr->n_legs; l++) {
		wr->legs[l].first = k;
		for (; i < wr->legs[l + 1].first; i++) {
			if (b->items[i].ok)
				b->pkts[k++] = b->pkts[i];
			else
				wrap_refuse(w, b->pkts[i], b->items[i].sa, DROP_ESP_CRYPTO);
		}
	}
	wr->legs[wr->n_legs].first = k;
	return k;
}

static void send_legs(struct worker *w, const struct wrapping *wr, struct rte_mbuf **pkts)
{
	for (uint16_t l = 0; l < wr->n_legs; l++) {
		const struct leg *leg = &wr->legs[l];

		tx_frames(w, (uint16_t)(leg->tx - w->tx), pkts + leg->first,
		          leg[1].first - leg->first);
	}
}

// What the memo knows is void if rules or routes have changed.
static inline void renew_memo(struct worker *w)
{
	// Acquire: what is looked up from here on is of this version or a later one.
	uint32_t routes = __atomic_load_n(&w->dp->routes->view.version, __ATOMIC_ACQUIRE);
	uint32_t rules = policy_changes(w->dp->policy);

	if (unlikely(routes != w->memo->routes || rules != w->memo->rules))
		flow_memo_renew(w->memo, routes, rules);
}

uint16_t express_out(struct worker *w, uint16_t iface, struct rte_mbuf **pkts, uint16_t n)
{
	const struct iface *in = &w->dp->ifaces[iface];
	// Large, and set as far as need be.
	struct missed missed;
	struct wrapping wr;
	struct burst b;
	uint16_t good;

	if (unlikely(!iface_is_up(in)))
		return 0;
	renew_memo(w);
	b.pkts = pkts;
	for (uint16_t i = 0; i < n; i++) {
		b.ips[i] = express_ip(pkts[i]);
		rte_prefetch0(b.ips[i]);
	}
	sort(w, &b, n);
	n = look_at_frames(in, &b, n);
	stats_stage(&w->stats, DP_STAGE_CLASSIFY, n);
	find_sas(w, &b, &missed);
	if (unlikely(missed.n))
		look_up(w, &b, &missed);
	stats_stage(&w->stats, DP_STAGE_POLICY, n);
	wrapping_init(w, &wr);
	n = good = wrap_runs(w, &b, &wr);
	stats_stage(&w->stats, DP_STAGE_ESP_OUT, n);
	if (n == 0)
		return 0;
	if (unlikely(!crypto_encrypt(w->esp->crypto, b.items, n, wr.engines)))
		good = drop_failed(w, &wr, &b);
	stats_stage(&w->stats, DP_STAGE_ENCRYPT, n);
	worker_count_n(w, COUNT_RX, n);
	worker_count_n(w, COUNT_FORWARDED, n);
	worker_count_n(w, COUNT_ENCRYPTED, good);
	send_legs(w, &wr, pkts);
	stats_stage(&w->stats, DP_STAGE_EGRESS, n);
	return n;
}
