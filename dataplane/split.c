// Fragmentation before encryption (RFC 4301, 8.2.2; IOS's default). [W] The parts are encrypted
// like any packet of their flow. Must not be used where the SA names ports, which a later fragment
// lacks.
#include "split.h"

#include <rte_ip_frag.h>
#include <rte_random.h>

#include "esp.h"
#include "fragment6.h"
#include "ipv4.h"
#include "ipv6.h"

void split_later(struct worker *w, struct rte_mbuf *m, uint16_t room)
{
	struct worker_esp *esp = w->esp;

	if (esp->n_long == WORKER_BURST) {
		worker_drop(w, m, DROP_NO_BUFFER);
		return;
	}
	esp->too_long[esp->n_long++] = (struct split){.m = m, .room = room};
}

// The longest part: one that fits its tunnel, and a packet of the pool.
static uint16_t room_of(const struct worker *w, const struct split *s)
{
	return (uint16_t)RTE_MIN(s->room, w->dp->pool_mtu);
}

// How many parts it makes: all but the last carry a multiple of eight bytes.
static uint32_t parts_of(const struct split *s, uint16_t room)
{
	bool six = packet_is_ipv6(s->m);
	uint32_t head = six ? PACKET_IPV6_MIN : packet_of(s->m)->ihl;
	uint32_t body = rte_pktmbuf_data_len(s->m) - head, part_head = head;
	uint32_t each;

	if (six)
		part_head += IPV6_FRAGMENT_SIZE;
	each = room > part_head ? (room - part_head) & ~7u : 0;

	return each ? (body + each - 1) / each : UINT32_MAX;
}

static int32_t cut4(struct worker *w, struct rte_mbuf *m, struct rte_mbuf **parts, uint16_t max,
                    uint16_t room)
{
	int32_t n = rte_ipv4_fragment_copy_nonseg_packet(m, parts, max, room, w->dp->pool);

	for (int32_t i = 0; i < n; i++) {
		*packet_of(parts[i]) = *packet_of(m);
		packet_checksum_ipv4(packet_ip(parts[i]));
	}
	return n;
}

// Returns how many parts there are now, 0 after a failure.
static uint16_t cut(struct worker *w, const struct split *s, struct rte_mbuf **parts, uint16_t max)
{
	uint16_t room = room_of(w, s);
	int32_t n;

	if (packet_is_ipv6(s->m)) {
		n = fragment6_cut(s->m, parts, max, room, w->dp->pool, (uint32_t)rte_rand());
	} else if (ipv4_checksum_holds(packet_ip(s->m), packet_of(s->m)->ihl)) {
		n = cut4(w, s->m, parts, max, room);
	} else { // as in fragment.c
		worker_drop(w, s->m, DROP_IP_CHECKSUM);
		return 0;
	}
	if (n <= 0) {
		worker_drop(w, s->m, n == -ENOMEM ? DROP_NO_BUFFER : DROP_MTU);
		return 0;
	}
	worker_count(w, COUNT_FRAGMENTED);
	rte_pktmbuf_free(s->m);
	return (uint16_t)n;
}

uint16_t split_parts(struct worker *w, struct rte_mbuf *parts[WORKER_BURST])
{
	struct worker_esp *esp = w->esp;
	uint16_t n = 0, i = 0;

	while (i < esp->n_long) {
		const struct split *s = &esp->too_long[i];
		uint32_t need = parts_of(s, room_of(w, s));

		if (need > WORKER_BURST) {
			worker_drop(w, s->m, DROP_MTU);
			i++;
			continue;
		}
		if (n + need > WORKER_BURST)
			break;
		n += cut(w, s, parts + n, (uint16_t)(WORKER_BURST - n));
		i++;
	}
	esp->n_long -= i;
	memmove(esp->too_long, esp->too_long + i, esp->n_long * sizeof(esp->too_long[0]));
	return n;
}

void split_fini(struct worker *w)
{
	while (w->esp->n_long)
		rte_pktmbuf_free(w->esp->too_long[--w->esp->n_long].m);
}
