// Identification payloads. Any thread; pure. Names of a peer are printed, compared and nothing
// else.
#include "ident.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#define PROTO_UDP 17

// Length of a contiguous mask of n bytes, or -1.
static int mask_len(const uint8_t *mask, unsigned n)
{
	unsigned len = 0;

	while (len < n * 8 && (mask[len / 8] & 0x80 >> len % 8))
		len++;
	for (unsigned i = len; i < n * 8; i++) {
		if (mask[i / 8] & 0x80 >> i % 8)
			return -1;
	}
	return (int)len;
}

// The length of the prefix that covers exactly first..last, or -1.
static int range_len(const uint8_t *first, const uint8_t *last, unsigned n)
{
	unsigned len = 0;

	while (len < n * 8 && !((first[len / 8] ^ last[len / 8]) & 0x80 >> len % 8))
		len++;
	for (unsigned i = len; i < n * 8; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		if ((first[i / 8] & bit) || !(last[i / 8] & bit))
			return -1;
	}
	return (int)len;
}

static int read_addr(struct reader *r, uint8_t family, struct ident *out)
{
	const uint8_t *p = reader_take(r, addr_size(family));
	struct ip_addr a;

	if (!p || reader_left(r))
		return -EBADMSG;
	a = addr_from_bytes(family, p);
	out->prefix = prefix_host(&a);
	return 0;
}

static int read_subnet(struct reader *r, uint8_t family, struct ident *out)
{
	unsigned n = addr_size(family);
	const uint8_t *p = reader_take(r, n), *mask = reader_take(r, n);
	struct ip_addr a;
	int len;

	if (!p || !mask || reader_left(r))
		return -EBADMSG;
	len = mask_len(mask, n);
	if (len < 0)
		return -EBADMSG;
	a = addr_from_bytes(family, p);
	out->prefix = prefix_make(&a, (uint8_t)len);
	return 0;
}

static int read_range(struct reader *r, uint8_t family, struct ident *out)
{
	unsigned n = addr_size(family);
	const uint8_t *first = reader_take(r, n), *last = reader_take(r, n);
	struct ip_addr a;
	int len;

	if (!first || !last || reader_left(r) || memcmp(first, last, n) > 0)
		return -EBADMSG;
	len = range_len(first, last, n);
	if (len < 0)
		return -ENOTSUP;
	a = addr_from_bytes(family, first);
	out->prefix = prefix_make(&a, (uint8_t)len);
	return 0;
}

static int read_name(struct reader *r, struct ident *out)
{
	out->name_len = (uint16_t)reader_left(r);
	out->name = reader_take(r, out->name_len);
	if (!out->name || out->name_len == 0)
		return -EBADMSG;
	// A NUL would make two different names look alike to whoever takes them as strings.
	if ((out->type == IDENT_FQDN || out->type == IDENT_USER_FQDN) &&
	    memchr(out->name, 0, out->name_len))
		return -EBADMSG;
	return 0;
}

int ident_read(const struct isakmp_payload *p, struct ident *out)
{
	struct reader r = reader_make(p->body, p->len);

	*out = (struct ident){.type = reader_u8(&r)};
	out->proto = reader_u8(&r);
	out->port = reader_u16(&r);
	if (!reader_ok(&r))
		return -EBADMSG;
	switch (out->type) {
	case IDENT_IPV4:
		return read_addr(&r, 4, out);
	case IDENT_IPV6:
		return read_addr(&r, 6, out);
	case IDENT_IPV4_SUBNET:
		return read_subnet(&r, 4, out);
	case IDENT_IPV6_SUBNET:
		return read_subnet(&r, 6, out);
	case IDENT_IPV4_RANGE:
		return read_range(&r, 4, out);
	case IDENT_IPV6_RANGE:
		return read_range(&r, 6, out);
	case IDENT_FQDN:
	case IDENT_USER_FQDN:
	case IDENT_DN:
	case IDENT_GN:
	case IDENT_KEY_ID:
		return read_name(&r, out);
	default:
		return -ENOTSUP;
	}
}

int ident_check_phase1(const struct ident *id)
{
	bool port_ok = id->port == 0 || id->port == ISAKMP_PORT || id->port == ISAKMP_PORT_NAT;

	if (!(id->proto == 0 && id->port == 0) && !(id->proto == PROTO_UDP && port_ok))
		return -EBADMSG;
	switch (id->type) {
	case IDENT_IPV4_SUBNET:
	case IDENT_IPV6_SUBNET:
	case IDENT_IPV4_RANGE:
	case IDENT_IPV6_RANGE:
		return -EBADMSG;
	default:
		return 0;
	}
}

bool ident_is_address(const struct ident *id)
{
	return id->prefix.addr.family != 0;
}

static const char *format_hex(const struct ident *id, char out[IDENT_TEXT])
{
	unsigned n = id->name_len < (IDENT_TEXT - 1) / 2 ? id->name_len : (IDENT_TEXT - 1) / 2;

	for (unsigned i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", id->name[i]);
	out[2 * n] = 0;
	return out;
}

const char *ident_format(const struct ident *id, char out[IDENT_TEXT])
{
	unsigned n = id->name_len < IDENT_TEXT - 1 ? id->name_len : IDENT_TEXT - 1;
	char text[PREFIX_TEXT];

	if (id->type == IDENT_IPV4 || id->type == IDENT_IPV6) {
		addr_format(&id->prefix.addr, out);
		return out;
	}
	if (ident_is_address(id)) {
		snprintf(out, IDENT_TEXT, "%s", prefix_format(&id->prefix, text));
		return out;
	}
	if (id->type == IDENT_DN || id->type == IDENT_GN)
		return format_hex(id, out);
	for (unsigned i = 0; i < n; i++)
		out[i] = isgraph(id->name[i]) ? (char)id->name[i] : '?';
	out[n] = 0;
	return out;
}

int ident_selector(const struct ident *local, const struct ident *remote, struct selector *out)
{
	if (!ident_is_address(local) || local->prefix.addr.family != remote->prefix.addr.family)
		return -EINVAL;
	if (local->proto != remote->proto)
		return -EINVAL;
	// A port needs a protocol that has one to be looked at.
	if (local->proto == 0 && (local->port || remote->port))
		return -EINVAL;
	*out = (struct selector){
		.local = local->prefix,
		.remote = remote->prefix,
		.proto = local->proto,
		.local_port = local->port,
		.remote_port = remote->port,
	};
	return 0;
}

static void begin(struct isakmp_message *m, uint8_t type, uint8_t proto, uint16_t port)
{
	isakmp_payload_begin(m, ISAKMP_ID);
	writer_u8(&m->w, type);
	writer_u8(&m->w, proto);
	writer_u16(&m->w, port);
}

void ident_write_addr(struct isakmp_message *m, const struct ip_addr *a, bool nat)
{
	begin(m, a->family == 6 ? IDENT_IPV6 : IDENT_IPV4, nat ? 0 : PROTO_UDP,
	      nat ? 0 : ISAKMP_PORT);
	writer_put(&m->w, a->bytes, addr_size(a->family));
	isakmp_payload_end(m);
}

void ident_write_fqdn(struct isakmp_message *m, const char *name, bool nat)
{
	begin(m, IDENT_FQDN, nat ? 0 : PROTO_UDP, nat ? 0 : ISAKMP_PORT);
	writer_put(&m->w, name, strlen(name));
	isakmp_payload_end(m);
}

// A side of a selector. A host prefix is written as an address.
static void write_prefix(struct isakmp_message *m, const struct ip_prefix *p, uint8_t proto,
                         uint16_t port)
{
	unsigned n = addr_size(p->addr.family);
	bool host = p->len == n * 8, six = p->addr.family == 6;
	uint8_t mask[16] = {0};

	for (unsigned i = 0; i < p->len; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	if (host)
		begin(m, six ? IDENT_IPV6 : IDENT_IPV4, proto, port);
	else
		begin(m, six ? IDENT_IPV6_SUBNET : IDENT_IPV4_SUBNET, proto, port);
	writer_put(&m->w, p->addr.bytes, n);
	if (!host)
		writer_put(&m->w, mask, n);
	isakmp_payload_end(m);
}

void ident_write_selector(struct isakmp_message *m, const struct selector *s, bool initiator)
{
	if (initiator) {
		write_prefix(m, &s->local, s->proto, s->local_port);
		write_prefix(m, &s->remote, s->proto, s->remote_port);
	} else {
		write_prefix(m, &s->remote, s->proto, s->remote_port);
		write_prefix(m, &s->local, s->proto, s->local_port);
	}
}
