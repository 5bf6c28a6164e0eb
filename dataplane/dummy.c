// Makes dummy packets when they are due. [W] Bounded work a turn: under overload they are fewer,
// never a burst afterwards. Must not touch activity words.
//
// Length: as that of a packet whose length is drawn evenly between the shortest that is of use and
// the longest that goes in one piece. Its bytes are random, which only matters to esp-null.
#include "dummy.h"

#include <rte_cycles.h>

#include "esp6.h"

#define TUNNEL_MIN    28u // bytes: IPv4 and UDP or ICMP headers
#define TRANSPORT_MIN 8u

void dummy_init(struct dummies *d)
{
	memset(d, 0, sizeof(*d));
	d->random = rte_rdtsc() | 1;
}

// xorshift64: lengths and phases need no more.
static uint64_t draw(struct dummies *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return d->random;
}

static struct sa *sa_of(const struct worker *w, uint32_t link)
{
	return sa_table_at(w->dp->sas, link - 1);
}

static void link_in(struct worker *w, struct sa *sa, tick_t due)
{
	struct dummies *d = &w->esp->dummies;
	uint32_t *head = &d->slots[due % DUMMY_SLOTS];

	sa->dummy.due = due;
	sa->dummy.prev = 0;
	sa->dummy.next = *head;
	if (*head)
		sa_of(w, *head)->dummy.prev = sa->slot + 1;
	*head = sa->slot + 1;
}

static void unlink_from(struct worker *w, struct sa *sa)
{
	struct dummies *d = &w->esp->dummies;

	if (d->cursor == sa->slot + 1)
		d->cursor = sa->dummy.next;
	if (sa->dummy.next)
		sa_of(w, sa->dummy.next)->dummy.prev = sa->dummy.prev;
	if (sa->dummy.prev)
		sa_of(w, sa->dummy.prev)->dummy.next = sa->dummy.next;
	else
		d->slots[sa->dummy.due % DUMMY_SLOTS] = sa->dummy.next;
}

void dummy_arm(struct worker *w, struct sa *sa)
{
	struct dummies *d = &w->esp->dummies;

	if (sa_is_cold(sa) || !sa->dummy.interval || sa->dummy.armed)
		return;
	if (d->n++ == 0) {
		d->at = w->now;
		d->cursor = 0;
	}
	sa->dummy.armed = true;
	// Those that were made together need not send together.
	link_in(w, sa, w->now + 1 + (tick_t)(draw(d) % sa->dummy.interval));
}

void dummy_disarm(struct worker *w, struct sa *sa)
{
	if (sa_is_cold(sa) || !sa->dummy.armed)
		return;
	unlink_from(w, sa);
	sa->dummy.armed = false;
	w->esp->dummies.n--;
}

// Bytes of text of the next one. 0: nothing would go through.
static uint32_t choose_text_len(struct worker *w, const struct sa *sa, uint32_t room)
{
	uint32_t least = sa->is_transport ? TRANSPORT_MIN : TUNNEL_MIN, blocks;

	least = wrap_text_len(sa->align, least);
	if (room < sa->overhead + least)
		return 0;
	blocks = (room - sa->overhead - least) / sa->align + 1;
	return least + (uint32_t)(draw(&w->esp->dummies) % blocks) * sa->align;
}

static void put_random(struct dummies *d, uint8_t *at, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += sizeof(uint64_t)) {
		uint64_t bytes = draw(d);

		memcpy(at + i, &bytes, RTE_MIN(sizeof(bytes), len - i));
	}
}

static void fill(struct worker *w, struct rte_mbuf *m, struct sa *sa, uint32_t text_len,
                 struct crypto_item *item)
{
	uint16_t total = (uint16_t)(sa->overhead + text_len);
	uint8_t *at = (uint8_t *)rte_pktmbuf_append(m, total), *text = at + sa_front(sa);
	const uint8_t *ivs = NULL;
	uint64_t seq = sa->sequence + 1;

	if (sa->engine >= SA_ENGINE_MB)
		ivs = crypto_ivs(w->esp->crypto, sa->iv_len);
	put_random(&w->esp->dummies, text, text_len);
	wrap_put_trailer(text + text_len - ESP_TRAILER, 0, ESP_NEXT_DUMMY);
	esp6_put_outer(w, sa, at, total, 0, 0);
	wrap_put_esp(sa, at + sa->head_len, seq, &ivs);
	*item = (struct crypto_item){.sa = sa,
	                             .esp = at + sa->head_len,
	                             .text_len = text_len,
	                             .seq_hi = (uint32_t)(seq >> 32)};
	wrap_account(sa, seq, 1, text_len - ESP_TRAILER);
}

// NULL: not now.
static struct rte_mbuf *make(struct worker *w, struct sa *sa, struct crypto_item *item)
{
	struct esp6_onward onward;
	const struct iface *iface;
	uint32_t room, text_len;
	struct rte_mbuf *m;

	esp6_onward_find(w, sa, &onward);
	if (onward.out == PACKET_NO_IFACE)
		return NULL; // no way out: what nobody misses does not wait
	m = rte_pktmbuf_alloc(w->dp->pool);
	if (!m)
		return NULL;
	iface = &w->dp->ifaces[onward.out];
	room = sa->outer6 ? iface_mtu6(iface) : iface_word(&iface->mtu);
	room = RTE_MIN(RTE_MIN(room, sa->out.mtu), rte_pktmbuf_tailroom(m));
	text_len = choose_text_len(w, sa, room);
	if (!text_len) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	packet_init(m, PACKET_NO_IFACE, w->now);
	w->esp->some_ipv6 |= sa->outer6;
	esp6_become_outer(m, sa, &onward);
	fill(w, m, sa, text_len, item);
	return m;
}

// An SA whose time has come: again after its interval, if its flow still uses it and its lifetime
// is not over.
static struct rte_mbuf *due(struct worker *w, struct sa *sa, struct crypto_item *item)
{
	const struct tunnel *t = tunnel_own(w, sa->tunnel);
	tick_t next = sa->dummy.due + sa->dummy.interval;

	if (!t || t->sa != sa || !wrap_within_limits(w, sa, 1)) {
		dummy_disarm(w, sa);
		return NULL;
	}
	unlink_from(w, sa);
	// Late: what was missed is not made up for.
	link_in(w, sa, tick_diff(next, w->now) > 0 ? next : w->now + sa->dummy.interval);
	return make(w, sa, item);
}

// The SAs that are due, as far as this turn's bounds go.
static uint16_t collect(struct worker *w, struct rte_mbuf **pkts, struct crypto_item *items,
                        unsigned *engines)
{
	struct dummies *d = &w->esp->dummies;
	uint16_t k = 0;

	for (unsigned i = 0; i < DUMMY_LOOKS && k < DUMMY_BURST && d->n; i++) {
		struct sa *sa;

		if (!d->cursor) {
			if (tick_diff(w->now, d->at) <= 0)
				break;
			d->at++;
			d->cursor = d->slots[d->at % DUMMY_SLOTS];
			continue;
		}
		sa = sa_of(w, d->cursor);
		d->cursor = sa->dummy.next;
		if (tick_diff(sa->dummy.due, d->at) > 0)
			continue; // another round of the slots
		pkts[k] = due(w, sa, &items[k]);
		if (!pkts[k])
			continue;
		*engines |= crypto_engine(sa);
		k++;
	}
	return k;
}

bool dummy_behind(const struct worker *w)
{
	const struct dummies *d = &w->esp->dummies;

	return d->n && (d->cursor || tick_diff(w->now, d->at) > 0);
}

uint16_t dummy_packets(struct worker *w, struct rte_mbuf **pkts)
{
	struct crypto_item items[DUMMY_BURST];
	unsigned engines = 0;
	uint16_t n, k = 0;

	w->esp->some_ipv6 = false;
	n = collect(w, pkts, items, &engines);
	w->esp->astray = false; // who has no way sent nothing
	if (n == 0)
		return 0;
	crypto_encrypt(w->esp->crypto, items, n, engines);
	for (uint16_t i = 0; i < n; i++) {
		if (items[i].ok) {
			pkts[k++] = pkts[i];
			continue;
		}
		sa_count(&items[i].sa->other_drops, 1);
		worker_drop(w, pkts[i], DROP_ESP_CRYPTO);
	}
	esp6_checksums(pkts, k);
	worker_count_n(w, COUNT_ENCRYPTED, k);
	worker_count_n(w, COUNT_DUMMIES, k);
	return k;
}
