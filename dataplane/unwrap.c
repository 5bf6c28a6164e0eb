// What is seldom asked of packets that came through an SA. [W]
#include "unwrap.h"

bool unwrap_ecn_differs(struct rte_ipv4_hdr *inner, uint8_t outer)
{
	uint8_t from = inner->type_of_service & ESP_ECN_MASK, to;
	uint32_t sum;

	if (!esp_ecn(from, outer, &to))
		return false;
	// RFC 1624: the checksum follows the change; the byte is the low one of the first word.
	sum = (uint16_t)~rte_be_to_cpu_16(inner->hdr_checksum) + (uint16_t)~from + (uint32_t)to;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	inner->hdr_checksum = rte_cpu_to_be_16((uint16_t)~sum);
	inner->type_of_service = (uint8_t)((inner->type_of_service & ~ESP_ECN_MASK) | to);
	return true;
}

// Where the SA names ports, a fragment that has none does not belong to it (RFC 4301 7).
bool unwrap_selected_narrowly(const struct sa_narrow *s, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = packet_ip(m);
	struct reader r = reader_make(ip, rte_pktmbuf_data_len(m));
	uint16_t remote_port, local_port;

	if (s->proto && s->proto != ip->next_proto_id)
		return false;
	if (!s->local_port && !s->remote_port)
		return true;
	if (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	reader_take(&r, packet_of(m)->ihl);
	remote_port = reader_u16(&r);
	local_port = reader_u16(&r);
	return reader_ok(&r) && (!s->local_port || s->local_port == local_port) &&
	       (!s->remote_port || s->remote_port == remote_port);
}
