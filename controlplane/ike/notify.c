// Notification and Delete payloads. Any thread; pure. Whether a payload may be believed at all (its
// HASH, RFC 2409, 5.7) was decided before anybody comes here.
#include "notify.h"

#include <errno.h>

#define COOKIES        16 // bytes: the SPI of an ISAKMP SA (RFC 2408, 2.4)
#define ATTR_BASIC     0x8000
#define ATTR_LIFE_TYPE 1 // RFC 2407, 4.5
#define ATTR_LIFE_TIME 2
#define ATTR_IKE_TYPE  11 // RFC 2409, appendix A
#define ATTR_IKE_TIME  12
#define LIFE_SECONDS   1
#define LIFE_KILOBYTES 2
#define DPD_DATA       4 // bytes of sequence

int notify_read(const struct isakmp_payload *p, struct isakmp_notify *n)
{
	struct reader r = reader_make(p->body, p->len);

	n->doi = reader_u32(&r);
	n->protocol = reader_u8(&r);
	n->spi_len = reader_u8(&r);
	n->type = reader_u16(&r);
	n->spi = reader_take(&r, n->spi_len);
	n->data_len = (uint16_t)reader_left(&r);
	n->data = reader_take(&r, n->data_len);
	return reader_ok(&r) ? 0 : -EBADMSG;
}

void notify_write(struct isakmp_message *m, const struct isakmp_notify *n)
{
	isakmp_payload_begin(m, ISAKMP_NOTIFY);
	writer_u32(&m->w, n->doi);
	writer_u8(&m->w, n->protocol);
	writer_u8(&m->w, n->spi_len);
	writer_u16(&m->w, n->type);
	writer_put(&m->w, n->spi, n->spi_len);
	writer_put(&m->w, n->data, n->data_len);
	isakmp_payload_end(m);
}

static void join_cookies(uint8_t out[COOKIES], const uint8_t cookie_i[8], const uint8_t cookie_r[8])
{
	memcpy(out, cookie_i, 8);
	memcpy(out + 8, cookie_r, 8);
}

void notify_write_dpd(struct isakmp_message *m, uint16_t type, const uint8_t cookie_i[8],
                      const uint8_t cookie_r[8], uint32_t sequence)
{
	uint8_t spi[COOKIES], data[DPD_DATA];
	struct isakmp_notify n = {
		.doi = ISAKMP_DOI_IPSEC,
		.protocol = ISAKMP_PROTO_ISAKMP,
		.spi_len = sizeof(spi),
		.type = type,
		.spi = spi,
		.data = data,
		.data_len = sizeof(data),
	};

	join_cookies(spi, cookie_i, cookie_r);
	bytes_put_u32(data, sequence);
	notify_write(m, &n);
}

int notify_read_dpd(const struct isakmp_notify *n, const uint8_t cookie_i[8],
                    const uint8_t cookie_r[8], uint32_t *sequence)
{
	struct reader r = reader_make(n->data, n->data_len);
	uint8_t spi[COOKIES];

	if (n->doi != ISAKMP_DOI_IPSEC || n->protocol != ISAKMP_PROTO_ISAKMP ||
	    n->spi_len != sizeof(spi) || n->data_len != DPD_DATA)
		return -EBADMSG;
	join_cookies(spi, cookie_i, cookie_r);
	if (memcmp(n->spi, spi, sizeof(spi)) != 0)
		return -ESTALE;
	*sequence = reader_u32(&r);
	return 0;
}

void notify_write_plain(struct isakmp_message *m, uint16_t type, uint32_t spi)
{
	uint8_t bytes[4];
	struct isakmp_notify n = {
		.doi = ISAKMP_DOI_IPSEC,
		.protocol = spi ? ISAKMP_PROTO_ESP : ISAKMP_PROTO_ISAKMP,
		.spi_len = spi ? sizeof(bytes) : 0,
		.type = type,
		.spi = bytes,
	};

	bytes_put_u32(bytes, spi);
	notify_write(m, &n);
}

void notify_write_initial_contact(struct isakmp_message *m, const uint8_t cookie_i[8],
                                  const uint8_t cookie_r[8])
{
	uint8_t spi[COOKIES];
	struct isakmp_notify n = {
		.doi = ISAKMP_DOI_IPSEC,
		.protocol = ISAKMP_PROTO_ISAKMP,
		.spi_len = sizeof(spi),
		.type = NOTIFY_INITIAL_CONTACT,
		.spi = spi,
	};

	join_cookies(spi, cookie_i, cookie_r);
	notify_write(m, &n);
}

bool notify_is_about(const struct isakmp_notify *n, const uint8_t cookie_i[8],
                     const uint8_t cookie_r[8])
{
	uint8_t spi[COOKIES];

	join_cookies(spi, cookie_i, cookie_r);
	return n->protocol == ISAKMP_PROTO_ISAKMP &&
	       (!n->spi_len ||
	        (n->spi_len == sizeof(spi) && memcmp(n->spi, spi, sizeof(spi)) == 0));
}

static void write_life(struct writer *w, uint16_t type, uint32_t value)
{
	if (!value)
		return;
	writer_u16(w, ATTR_BASIC | ATTR_LIFE_TYPE);
	writer_u16(w, type);
	writer_u16(w, ATTR_LIFE_TIME);
	writer_u16(w, 4);
	writer_u32(w, value);
}

void notify_write_lifetime(struct isakmp_message *m, uint32_t spi, const uint8_t cookie_i[8],
                           const uint8_t cookie_r[8], uint32_t seconds, uint32_t kilobytes)
{
	uint8_t bytes[COOKIES], data[24];
	struct writer w = writer_make(data, sizeof(data));
	struct isakmp_notify n = {
		.doi = ISAKMP_DOI_IPSEC,
		.protocol = spi ? ISAKMP_PROTO_ESP : ISAKMP_PROTO_ISAKMP,
		.spi_len = spi ? 4 : COOKIES,
		.type = NOTIFY_RESPONDER_LIFETIME,
		.spi = bytes,
		.data = data,
	};

	if (spi)
		bytes_put_u32(bytes, spi);
	else
		join_cookies(bytes, cookie_i, cookie_r);
	write_life(&w, LIFE_SECONDS, seconds);
	write_life(&w, LIFE_KILOBYTES, kilobytes);
	n.data_len = (uint16_t)writer_len(&w);
	notify_write(m, &n);
}

// RFC 2407, 4.6.3.1 does not say whose numbers count for the IKE SA: those of its own transforms,
// or those of the DOI.
static unsigned life_attr(const struct isakmp_notify *n, unsigned attr)
{
	if (n->protocol == ISAKMP_PROTO_ISAKMP && attr == ATTR_IKE_TYPE)
		return ATTR_LIFE_TYPE;
	if (n->protocol == ISAKMP_PROTO_ISAKMP && attr == ATTR_IKE_TIME)
		return ATTR_LIFE_TIME;
	return attr;
}

int notify_read_lifetime(const struct isakmp_notify *n, uint32_t *seconds, uint32_t *kilobytes)
{
	struct reader r = reader_make(n->data, n->data_len);
	uint32_t type = 0;

	*seconds = *kilobytes = 0;
	while (reader_left(&r)) {
		uint16_t attr = reader_u16(&r), len = reader_u16(&r);
		uint32_t value = len;

		if (!(attr & ATTR_BASIC)) {
			if (len != 4)
				return -EBADMSG;
			value = reader_u32(&r);
		}
		switch (life_attr(n, attr & ~ATTR_BASIC)) {
		case ATTR_LIFE_TYPE:
			type = value;
			break;
		case ATTR_LIFE_TIME:
			if (type == LIFE_SECONDS)
				*seconds = value;
			else if (type == LIFE_KILOBYTES)
				*kilobytes = value;
			else
				return -EBADMSG;
			break;
		default: // others say nothing about life
			break;
		}
	}
	return reader_ok(&r) ? 0 : -EBADMSG;
}

static unsigned spi_len_of(uint8_t protocol)
{
	switch (protocol) {
	case ISAKMP_PROTO_ISAKMP:
		return COOKIES;
	case ISAKMP_PROTO_AH:
	case ISAKMP_PROTO_ESP:
		return 4;
	default:
		return 0;
	}
}

int delete_read(const struct isakmp_payload *p, struct isakmp_delete *d)
{
	struct reader r = reader_make(p->body, p->len);

	d->doi = reader_u32(&r);
	d->protocol = reader_u8(&r);
	d->spi_len = reader_u8(&r);
	d->count = reader_u16(&r);
	if (!reader_ok(&r) || d->count == 0 || d->spi_len == 0 ||
	    d->spi_len != spi_len_of(d->protocol))
		return -EBADMSG;
	d->spis = reader_take(&r, (size_t)d->spi_len * d->count);
	return reader_ok(&r) && reader_left(&r) == 0 ? 0 : -EBADMSG;
}

static struct reader nth_spi(const struct isakmp_delete *d, unsigned nth)
{
	struct reader r = reader_make(d->spis, (size_t)d->spi_len * d->count);

	reader_take(&r, (size_t)nth * d->spi_len);
	return reader_sub(&r, d->spi_len);
}

uint32_t delete_spi(const struct isakmp_delete *d, unsigned nth)
{
	struct reader r = nth_spi(d, nth);

	return d->spi_len == 4 ? reader_u32(&r) : 0;
}

bool delete_names_cookies(const struct isakmp_delete *d, unsigned nth, const uint8_t cookie_i[8],
                          const uint8_t cookie_r[8])
{
	struct reader r = nth_spi(d, nth);
	uint8_t named[COOKIES], ours[COOKIES];

	if (d->protocol != ISAKMP_PROTO_ISAKMP)
		return false;
	reader_copy(&r, named, sizeof(named));
	join_cookies(ours, cookie_i, cookie_r);
	return reader_ok(&r) && memcmp(named, ours, sizeof(ours)) == 0;
}

// `n` SPIs of `spi_len` bytes each follow.
static void begin_delete(struct isakmp_message *m, uint8_t protocol, uint8_t spi_len, uint16_t n)
{
	isakmp_payload_begin(m, ISAKMP_DELETE);
	writer_u32(&m->w, ISAKMP_DOI_IPSEC);
	writer_u8(&m->w, protocol);
	writer_u8(&m->w, spi_len);
	writer_u16(&m->w, n);
}

void delete_write_esps(struct isakmp_message *m, const uint32_t *spis, unsigned n)
{
	begin_delete(m, ISAKMP_PROTO_ESP, 4, (uint16_t)n);
	for (unsigned i = 0; i < n; i++)
		writer_u32(&m->w, spis[i]);
	isakmp_payload_end(m);
}

void delete_write_esp(struct isakmp_message *m, uint32_t spi)
{
	delete_write_esps(m, &spi, 1);
}

void delete_write_sa(struct isakmp_message *m, const uint8_t cookie_i[8], const uint8_t cookie_r[8])
{
	uint8_t spi[COOKIES];

	join_cookies(spi, cookie_i, cookie_r);
	begin_delete(m, ISAKMP_PROTO_ISAKMP, sizeof(spi), 1);
	writer_put(&m->w, spi, sizeof(spi));
	isakmp_payload_end(m);
}
