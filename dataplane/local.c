// Packets for the gateway itself that are neither ESP nor IKE of the outside: ICMP echo is
// answered, path MTUs are learned, IKE through a tunnel is punted, fragments go to reassemble, of
// the rest the sender hears that nobody listens (RFC 1122, 3.2.2.1; RFC 4443, 3.1 and 3.4). [W]
#include "bytes.h"
#include "classify.h"
#include "echo.h"
#include "icmp.h"
#include "icmp6.h"
#include "ipv4.h"
#include "ipv6.h"
#include "path_mtu.h"
#include "worker.h"

#define ICMP_ECHO       8
#define ICMP_ECHO_REPLY 0
#define ICMP_PROTOCOL   2 // codes of ICMP_UNREACHABLE
#define ICMP_PORT       3
#define ICMP_HEADER     8
#define LOCAL_TTL       64

// RFC 1624: the type field changed from echo to echo reply.
static void echo_turn_round(uint8_t *icmp)
{
	uint32_t sum = ((uint32_t)icmp[2] << 8 | icmp[3]) + (ICMP_ECHO << 8);

	icmp[0] = ICMP_ECHO_REPLY;
	bytes_put_u16(icmp + 2, (uint16_t)((sum & 0xffff) + (sum >> 16)));
}

// An echo is answered, an answer to one of ours is told.
static void echo_reply(struct worker *w, struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = packet_ip(m);
	struct packet *p = packet_of(m);
	uint8_t *icmp = rte_pktmbuf_mtod_offset(m, uint8_t *, p->ihl);
	uint32_t src = ip->src_addr;
	size_t len = rte_pktmbuf_data_len(m) - p->ihl;

	if (echo_answered(w, m, icmp, len))
		return;
	if (len < ICMP_HEADER || icmp[0] != ICMP_ECHO || icmp[1] != 0 ||
	    rte_raw_cksum(icmp, len) != 0xffff) {
		worker_drop(w, m, DROP_LOCAL_ICMP);
		return;
	}
	echo_turn_round(icmp);
	ip->src_addr = ip->dst_addr;
	ip->dst_addr = src;
	ip->time_to_live = LOCAL_TTL;
	ip->fragment_offset = 0;
	packet_checksum_ipv4(ip);
	p->kind = PACKET_ROUTE;
	p->flags = PACKET_MADE;
	p->hop = PACKET_NO_HOP;
	worker_count(w, COUNT_LOCAL_ECHO);
	worker_forward_later(w, m);
}

static void local_udp(struct worker *w, struct rte_mbuf *m)
{
	if (!classify_own(w, m))
		return;
	// ESP in UDP inside a tunnel is nothing that we have agreed on.
	if (packet_of(m)->kind == PACKET_ESP) {
		worker_drop(w, m, DROP_LOCAL_PROTOCOL);
		return;
	}
	icmp_error(w, m, ICMP_UNREACHABLE, ICMP_PORT, 0);
	worker_drop(w, m, DROP_LOCAL_PORT);
}

void local(struct worker *w, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);

	// What came out of a tunnel has not been looked at before (RFC 1122, 3.2.1.2).
	if (!ipv4_checksum_holds(ip, packet_of(m)->ihl)) {
		worker_drop(w, m, DROP_IP_CHECKSUM);
		return;
	}
	if (packet_is_fragment(ip)) {
		packet_of(m)->kind = PACKET_FRAGMENT;
		packet_of(m)->hop = PACKET_NO_HOP; // it waits longer than a hop is good for
		worker_forward_later(w, m);
		return;
	}
	switch (ip->next_proto_id) {
	case IPPROTO_ICMP:
		if (!path_mtu_learn(w, m, packet_of(m)->ihl))
			echo_reply(w, m);
		break;
	case IPPROTO_UDP:
		local_udp(w, m);
		break;
	default:
		icmp_error(w, m, ICMP_UNREACHABLE, ICMP_PROTOCOL, 0);
		worker_drop(w, m, DROP_LOCAL_PROTOCOL);
	}
}

// ---- IPv6 ------------------------------------------------------------------------------------

static void local_udp6(struct worker *w, struct rte_mbuf *m)
{
	if (!classify_own6(w, m))
		return;
	if (packet_of(m)->kind == PACKET_ESP6) {
		worker_drop(w, m, DROP_LOCAL_PROTOCOL);
		return;
	}
	icmp6_error(w, m, ICMP6_UNREACHABLE, ICMP6_PORT, 0);
	worker_drop(w, m, DROP_LOCAL_PORT);
}

static void icmp6_in(struct worker *w, struct rte_mbuf *m)
{
	uint16_t at = packet_of(m)->payload;
	uint32_t len = rte_pktmbuf_data_len(m) - (uint32_t)at;
	const uint8_t *icmp = rte_pktmbuf_mtod_offset(m, const uint8_t *, at);

	if (ipv6_sum(packet_ip6(m), IPPROTO_ICMPV6, icmp, len) != 0xffff ||
	    (!echo_answered6(w, m, icmp, len) && !path_mtu_learn(w, m, at) && !icmp6_echo(w, m)))
		worker_drop(w, m, DROP_LOCAL_ICMP);
}

void local6(struct worker *w, struct rte_mbuf *m)
{
	struct packet *p = packet_of(m);
	struct ipv6_chain chain;

	// What came out of a tunnel has not been looked at before.
	if (!ipv6_chain(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m), &chain)) {
		worker_drop(w, m, DROP_IP_HEADER);
		return;
	}
	if (icmp6_chain_refused(w, m, &chain)) {
		worker_drop(w, m, DROP_IP_OPTIONS);
		return;
	}
	p->payload = chain.payload;
	p->proto = chain.proto;
	if (chain.fragment) {
		p->kind = PACKET_FRAGMENT6;
		p->hop = PACKET_NO_HOP; // it waits longer than a hop is good for
		worker_forward_later(w, m);
		return;
	}
	switch (chain.proto) {
	case IPPROTO_ICMPV6:
		icmp6_in(w, m);
		break;
	case IPPROTO_UDP:
		local_udp6(w, m);
		break;
	case IPPROTO_NONE:
		worker_drop(w, m, DROP_LOCAL_PROTOCOL);
		break;
	default:
		icmp6_error(w, m, ICMP6_PARAMETER, ICMP6_HEADER, chain.named);
		worker_drop(w, m, DROP_LOCAL_PROTOCOL);
	}
}
