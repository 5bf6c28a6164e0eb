// ESP in: SPI -> SA -> replay check -> crypto burst -> replay commit -> trailer -> selector ->
// inner packet, and for each run activity (RFC 4303 3.4, RFC 4301 5.2). [W] The SA's owner only;
// packets of others are handed off. Nothing may move the window or mark activity before the ICV
// holds.
#include <rte_branch_prediction.h>

#include "addr.h"
#include "esp6.h"
#include "esp_transport.h"
#include "esp_transport6.h"
#include "foreign.h"
#include "sa_limits.h"
#include "unwrap.h"

// Packets of one SPI in a row.
struct run {
	struct sa *sa;
	uint32_t spi; // ours, also where the packets have a foreign one
	uint16_t n;
};

static void tell_invalid_spi(struct worker *w, struct rte_mbuf *m, uint32_t spi)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	struct dp_event event = {
		.kind = DP_EVENT_INVALID_SPI, .spi = spi, .iface = packet_of(m)->in};

	if (packet_is_ipv6(m)) {
		event.addr = addr_from_bytes(6, packet_ip6(m)->src_addr);
		event.local = addr_from_bytes(6, packet_ip6(m)->dst_addr);
	} else {
		event.addr = addr_from_bytes(4, (const uint8_t *)&ip->src_addr);
		event.local = addr_from_bytes(4, (const uint8_t *)&ip->dst_addr);
	}
	if (packet_of(m)->flags & PACKET_IN_UDP)
		event.port = packet_of(m)->src_port;
	(void)worker_event(w, &event); // tells a person; the next such packet tells again
}

static void invalid_spi(struct worker *w, struct rte_mbuf *m, uint32_t spi)
{
	struct worker_esp *esp = w->esp;

	if (w->now - esp->spi_filled >= TICKS_PER_SECOND) { // however long ago
		esp->spi_tokens = ESP_INVALID_SPI_RATE;
		esp->spi_filled = w->now;
	}
	if (esp->spi_tokens) {
		esp->spi_tokens--;
		tell_invalid_spi(w, m, spi);
	}
	worker_drop(w, m, DROP_ESP_NO_SA);
}

// The SPI as it lies in the packet. False: there is no whole ESP header.
static inline bool read_spi(struct rte_mbuf *m, uint32_t *spi)
{
	uint32_t head = packet_of(m)->payload;

	if (unlikely(m->data_len < head + SA_ESP_HEADER))
		return false;
	memcpy(spi, rte_pktmbuf_mtod_offset(m, const uint8_t *, head), sizeof(*spi));
	return true;
}

// Finds the slot that the SPI names. False: there is none.
static bool find_slot(const struct worker *w, struct rte_mbuf *m, struct run *run)
{
	const struct sa_table *sas = w->dp->sas;

	if (unlikely(!spi_is_own(run->spi))) {
		uint32_t own = foreign_find(w->dp->foreign, run->spi, packet_ip(m));

		run->spi = own ? own : run->spi;
	}
	if (unlikely(!spi_is_own(run->spi) ||
	             spi_owner(&sas->layout, run->spi) >= w->dp->n_workers))
		return false;
	run->sa = sa_table_at(sas, spi_slot(&sas->layout, run->spi));
	return run->sa;
}

// Starts to load the SA and its keys. AES-GCM's are assumed: which lines others need is only known
// once the SA is there.
static void sa_fetch(const struct worker *w, const struct run *run, uint32_t len)
{
	uint32_t slot = spi_slot(&w->dp->sas->layout, run->spi);

	rte_prefetch0(run->sa);
	rte_prefetch0(&run->sa->replay);
	rte_prefetch0(&w->dp->sas->activity[slot]);
	crypto_prefetch_keys(sa_table_keys(w->dp->sas, slot), SA_ENGINE_GCM, CRYPTO_KEY_MAX, len);
}

// A packet whose SPI is not that of the one before: begins a run if its SA is this worker's, else
// takes the packet.
static bool run_begin(struct worker *w, struct rte_mbuf *m, uint32_t spi, struct run *run)
{
	uint32_t owner;

	*run = (struct run){.spi = rte_be_to_cpu_32(spi)};
	if (unlikely(!find_slot(w, m, run))) {
		invalid_spi(w, m, run->spi);
		return false;
	}
	owner = spi_owner(&w->dp->sas->layout, run->spi);
	if (unlikely(owner != w->index)) {
		handoff_send(w, owner, m, PACKET_ESP);
		return false;
	}
	sa_fetch(w, run, m->data_len);
	return true;
}

// May a packet be of the SA of the one before it, which has the same SPI? A foreign one may be that
// of another SA at each of our addresses.
static inline bool is_of_run(struct rte_mbuf *before, struct rte_mbuf *m, uint32_t spi)
{
	if (likely(spi_is_own(rte_be_to_cpu_32(spi))))
		return true;
	return !packet_is_ipv6(m) && !packet_is_ipv6(before) &&
	       packet_ip(m)->dst_addr == packet_ip(before)->dst_addr;
}

// Hands off packets of other workers, sorts the others into runs, whose number it returns, and
// starts to load what the whole burst needs.
static uint16_t sort_runs(struct worker *w, struct rte_mbuf **pkts, uint16_t n, struct run *runs)
{
	uint16_t k = 0, n_runs = 0;
	uint32_t spi, before = 0; // in network order; before: of the run

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (unlikely(!read_spi(m, &spi))) {
			worker_drop(w, m, DROP_ESP_RUNT);
			continue;
		}
		if (spi != before || n_runs == 0 || !is_of_run(pkts[k - 1], m, spi)) {
			if (unlikely(!run_begin(w, m, spi, &runs[n_runs])))
				continue;
			before = spi;
			n_runs++;
		}
		runs[n_runs - 1].n++;
		pkts[k++] = m;
	}
	return n_runs;
}

// Is the slot still what the SPI says?
static bool identify(const struct run *run)
{
	return run->sa->live && run->sa->spi == run->spi;
}

// A packet whose number, as sent, is not above all others: late, repeated, or extended and of a
// later round. False: it came before.
static __rte_noinline bool is_late_but_new(struct crypto_item *item)
{
	const struct replay *r = &item->sa->replay;
	uint64_t seq = unwrap_sequence(item->esp);

	if (sa_is_esn(item->sa)) {
		seq = replay_recover(r, (uint32_t)seq);
		item->seq_hi = (uint32_t)(seq >> 32);
	}
	return replay_check(r, seq);
}

#define GATE_FORMS (PACKET_IN_UDP | PACKET_OUTER6)

// What admission asks of an SA, read once a run.
struct gate {
	struct sa *sa;
	uint32_t fixed; // bytes that are not text
	uint32_t align;
	uint8_t form; // of GATE_FORMS: as its packets must come
};

// Why a packet may not be decrypted; DROP_NONE = it may, and the item says how.
static inline enum counter admissible(struct rte_mbuf *m, const struct gate *gate,
                                      struct crypto_item *item)
{
	const struct packet *p = packet_of(m);
	uint32_t len = m->data_len - (uint32_t)p->payload, text_len = len - gate->fixed;

	item->sa = gate->sa;
	item->esp = rte_pktmbuf_mtod_offset(m, uint8_t *, p->payload);
	item->text_len = text_len;
	item->seq_hi = 0;
	if (unlikely((p->flags & GATE_FORMS) != gate->form))
		return DROP_ESP_ENCAP;
	// RFC 4303 2.4: at least a trailer, and a whole number of blocks.
	if (unlikely(len < gate->fixed + gate->align || text_len & (gate->align - 1u)))
		return DROP_ESP_LENGTH;
	if (unlikely(unwrap_sequence(item->esp) <= gate->sa->replay.top) &&
	    !is_late_but_new(item)) {
		sa_count(&gate->sa->replayed, 1);
		return DROP_ESP_REPLAY;
	}
	return DROP_NONE;
}

static void refuse(struct worker *w, struct rte_mbuf *m, struct sa *sa, enum counter reason)
{
	if (reason != DROP_ESP_REPLAY)
		sa_count(&sa->other_drops, 1);
	worker_drop(w, m, reason);
}

// May packets of this SPI be decrypted at all? DROP_NONE = yes.
static enum counter run_admissible(struct worker *w, const struct run *run)
{
	struct sa *sa = run->sa;

	if (unlikely(!identify(run)))
		return DROP_ESP_NO_SA;
	if (sa_limit_near(sa, sa->packets, 0, 0) && !esp_limit(w, sa))
		return DROP_ESP_LIFETIME;
	return DROP_NONE;
}

static void refuse_run(struct worker *w, const struct run *run, struct rte_mbuf **pkts,
                       enum counter reason)
{
	for (uint16_t i = 0; i < run->n; i++) {
		if (reason == DROP_ESP_NO_SA)
			invalid_spi(w, pkts[i], run->spi);
		else
			refuse(w, pkts[i], run->sa, reason);
	}
}

// The packets of a run that may be decrypted, and what the cryptography needs of them; how many.
static inline uint16_t admit_run(struct worker *w, const struct run *run, struct rte_mbuf **pkts,
                                 struct rte_mbuf **good, struct crypto_item *items)
{
	const struct gate gate = {
		.sa = run->sa,
		.fixed = (uint32_t)SA_ESP_HEADER + run->sa->iv_len + run->sa->icv_len,
		.align = run->sa->align,
		.form = (uint8_t)((run->sa->encap == SA_ENCAP_UDP ? PACKET_IN_UDP : 0) |
	                          (run->sa->outer6 ? PACKET_OUTER6 : 0)),
	};
	uint16_t k = 0;

	for (uint16_t i = 0; i < run->n; i++) {
		struct rte_mbuf *m = pkts[i];
		enum counter reason = admissible(m, &gate, &items[k]);

		if (unlikely(reason != DROP_NONE)) {
			refuse(w, m, run->sa, reason);
			continue;
		}
		good[k++] = m;
	}
	return k;
}

static uint16_t admit(struct worker *w, struct rte_mbuf **pkts, const struct run *runs,
                      uint16_t n_runs, struct crypto_item *items, unsigned *engines)
{
	struct rte_mbuf **good = pkts;
	uint16_t k = 0;

	for (uint16_t r = 0; r < n_runs; r++) {
		enum counter reason = run_admissible(w, &runs[r]);

		if (likely(reason == DROP_NONE)) {
			*engines |= crypto_engine(runs[r].sa);
			k += admit_run(w, &runs[r], pkts, good + k, items + k);
		} else {
			refuse_run(w, &runs[r], pkts, reason);
		}
		pkts += runs[r].n;
	}
	return k;
}

// An authentic packet of the newest sequence number says where the peer is now (RFC 3947, 4).
static void follow(struct worker *w, struct rte_mbuf *m, const struct crypto_item *item)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	struct sa *sa = item->sa;
	uint16_t port;
	struct dp_event event;

	// Without replay protection any may be a copy.
	if (!sa->replay.size || unwrap_sequence_whole(item) != sa->replay.top)
		return;
	if (sa->outer6) {
		esp6_follow(w, m, item);
		return;
	}
	memcpy(&port, item->esp - SA_UDP_HEADER, sizeof(port));
	if (likely(ip->src_addr == sa->from && port == sa->from_port))
		return;
	event = (struct dp_event){.kind = DP_EVENT_SA_MOVED,
	                          .sa = esp_handle(sa),
	                          .tunnel = sa->tunnel,
	                          .port = rte_be_to_cpu_16(port),
	                          .addr = {.family = 4},
	                          .local = {.family = 4}};
	memcpy(event.addr.bytes, &ip->src_addr, 4);
	memcpy(event.local.bytes, &ip->dst_addr, 4);
	if (!worker_event(w, &event))
		return; // the next packet tells again
	sa->from = ip->src_addr;
	sa->from_port = port;
}

static enum counter accept_transport(struct rte_mbuf *m, const struct crypto_item *item,
                                     uint8_t outer_tos)
{
	const struct sa *sa = item->sa;
	const uint8_t *end = unwrap_trailer(item, item->esp + SA_ESP_HEADER + sa->iv_len);

	if (!end)
		return DROP_ESP_PADDING;
	if (end[1] == ESP_NEXT_DUMMY)
		return DROP_ESP_DUMMY;
	if (sa->inner6)
		return esp_transport6_restore(m, item, end[1], end[0])
		               ? esp6_accept(m, sa, outer_tos)
		               : DROP_ESP_INNER;
	esp_transport_restore(m, item, end[1], end[0]);
	return unwrap_accept_ipv4(m, sa, outer_tos);
}

// What came in UDP, has IPv6 inside or outside, or is no tunnel.
static __rte_noinline enum counter accept_formed(struct worker *w, struct rte_mbuf *m,
                                                 const struct crypto_item *item)
{
	uint8_t class = esp6_outer_class(m);
	const struct sa *sa = item->sa;
	enum counter reason;

	if (sa->encap == SA_ENCAP_UDP)
		follow(w, m, item);
	if (sa->is_transport)
		return accept_transport(m, item, class);
	if (sa->inner6) {
		reason = unwrap_strip(m, item, ESP_NEXT_IPV6);
		return reason == DROP_NONE ? esp6_accept(m, sa, class) : reason;
	}
	reason = unwrap_strip_ipv4(m, item);
	return reason == DROP_NONE ? unwrap_accept_ipv4(m, sa, class) : reason;
}

// One packet whose crypto is done; the order of the steps is the point. DROP_NONE = good.
static __rte_always_inline enum counter accept_one(struct worker *w, struct rte_mbuf *m,
                                                   const struct crypto_item *item, bool *alive)
{
	struct sa *sa = item->sa;
	enum counter reason = unwrap_commit(sa, item);

	if (unlikely(reason != DROP_NONE))
		return reason;
	*alive = true;
	reason = likely(!sa->form) ? unwrap_plain(m, item) : accept_formed(w, m, item);
	if (unlikely(reason != DROP_NONE))
		unwrap_count(sa, reason);
	return reason;
}

// Packets of one SA in a row; returns how many there are, the good ones are moved to `good`.
static inline uint16_t accept_run(struct worker *w, struct rte_mbuf **pkts, uint16_t n,
                                  const struct crypto_item *items, struct rte_mbuf **good,
                                  uint16_t *n_good)
{
	struct sa *sa = items[0].sa;
	uint8_t kind = sa->inner6 ? PACKET_ROUTE6 : PACKET_ROUTE;
	struct handle handle = esp_handle(sa);
	uint64_t bytes = 0;
	bool alive = false;
	uint16_t i, k = 0;

	for (i = 0; i < n && items[i].sa == sa; i++) {
		struct rte_mbuf *m = pkts[i];
		enum counter reason = accept_one(w, m, &items[i], &alive);
		struct packet *p = packet_of(m);

		if (unlikely(reason != DROP_NONE)) {
			worker_drop(w, m, reason);
			continue;
		}
		p->kind = kind;
		p->flags = PACKET_DECRYPTED;
		p->hop = PACKET_NO_HOP;
		p->sa = handle;
		bytes += m->data_len;
		good[k++] = m;
	}
	unwrap_account(sa, k, bytes, alive, activity_from_tick(w->now));
	w->kinds |= 1u << kind;
	*n_good = k;
	return i;
}

static uint16_t accept_all(struct worker *w, struct rte_mbuf **pkts, uint16_t n,
                           const struct crypto_item *items)
{
	uint16_t k = 0, n_good;

	for (uint16_t i = 0; i < n; k += n_good)
		i += accept_run(w, pkts + i, n - i, items + i, pkts + k, &n_good);
	worker_count_n(w, COUNT_DECRYPTED, k);
	return k;
}

uint16_t esp_in(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	struct crypto_item items[WORKER_BURST];
	struct run runs[WORKER_BURST];
	unsigned engines = 0;
	uint16_t n_runs = sort_runs(w, pkts, n, runs);

	n = admit(w, pkts, runs, n_runs, items, &engines);
	if (n == 0)
		return 0;
	stats_stage(&w->stats, DP_STAGE_ESP_IN, n);
	crypto_decrypt(w->esp->crypto, items, n, engines);
	stats_stage(&w->stats, DP_STAGE_DECRYPT, n);
	return accept_all(w, pkts, n, items);
}
