// Notification and Delete payloads (RFC 2408, 3.14 and 3.15; RFC 2407, 4.6.3; RFC 3706, 5.3).
#ifndef VIGIL_NOTIFY_H
#define VIGIL_NOTIFY_H

#include "isakmp.h"

struct isakmp_notify {
	uint32_t doi;
	uint8_t protocol;
	uint8_t spi_len;
	uint16_t type;
	const uint8_t *spi; // in the message
	const uint8_t *data;
	uint16_t data_len;
};

// Whole payload checked before a field is given out. 0 or -EBADMSG. The DOI is not judged.
int notify_read(const struct isakmp_payload *p, struct isakmp_notify *n);
// Writes a whole payload; doi, protocol, spi, type and data from *n.
void notify_write(struct isakmp_message *m, const struct isakmp_notify *n);

// R-U-THERE and its ACK: DOI 1, protocol 1, SPI = both cookies, data = sequence (RFC 3706, 5.3).
void notify_write_dpd(struct isakmp_message *m, uint16_t type, const uint8_t cookie_i[8],
                      const uint8_t cookie_r[8], uint32_t sequence);
// The sequence of an R-U-THERE or ACK whose cookies are these. 0, or -EBADMSG (shape), -ESTALE
// (other cookies).
int notify_read_dpd(const struct isakmp_notify *n, const uint8_t cookie_i[8],
                    const uint8_t cookie_r[8], uint32_t *sequence);
// A notify about the IKE SA or an ESP SA without more ado: protocol 1 with no SPI, or protocol 3
// with a 4-byte SPI (host order) if spi is not 0.
void notify_write_plain(struct isakmp_message *m, uint16_t type, uint32_t spi);
// INITIAL-CONTACT carries both cookies as SPI (RFC 2407, 4.6.3.3).
void notify_write_initial_contact(struct isakmp_message *m, const uint8_t cookie_i[8],
                                  const uint8_t cookie_r[8]);
// Whether it is about the IKE SA with these cookies: protocol 1 and both of them, or no SPI.
bool notify_is_about(const struct isakmp_notify *n, const uint8_t cookie_i[8],
                     const uint8_t cookie_r[8]);
// RESPONDER-LIFETIME (RFC 2407, 4.6.3.1): of the IKE SA (spi 0, cookies) or of an ESP SA.
// Seconds and kilobytes, 0 = not said.
void notify_write_lifetime(struct isakmp_message *m, uint32_t spi, const uint8_t cookie_i[8],
                           const uint8_t cookie_r[8], uint32_t seconds, uint32_t kilobytes);
// 0 or -EBADMSG. Of the IKE SA, n->protocol says; then the numbers of both RFC 2407, 4.5 and RFC
// 2409, appendix A are understood.
int notify_read_lifetime(const struct isakmp_notify *n, uint32_t *seconds, uint32_t *kilobytes);

#define DELETE_SPIS_MAX 64 // that we write; what is read is as long as its message

struct isakmp_delete {
	uint32_t doi;
	uint8_t protocol; // ISAKMP_PROTO_*
	uint8_t spi_len;  // 16 for ISAKMP, 4 for ESP and AH
	uint16_t count;   // at least 1
	const uint8_t *spis;
};

// The SPI size must be the protocol's, the count must fill the payload. 0 or -EBADMSG.
int delete_read(const struct isakmp_payload *p, struct isakmp_delete *d);
// The nth ESP SPI, host order.
uint32_t delete_spi(const struct isakmp_delete *d, unsigned nth);
// Whether the nth SPI of a protocol 1 Delete is this pair of cookies.
bool delete_names_cookies(const struct isakmp_delete *d, unsigned nth, const uint8_t cookie_i[8],
                          const uint8_t cookie_r[8]);
void delete_write_esp(struct isakmp_message *m, uint32_t spi);
// Up to DELETE_SPIS_MAX of them in one payload.
void delete_write_esps(struct isakmp_message *m, const uint32_t *spis, unsigned n);
void delete_write_sa(struct isakmp_message *m, const uint8_t cookie_i[8],
                     const uint8_t cookie_r[8]);

#endif
