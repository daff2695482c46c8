// @ts-nocheck
// Made by scripts/proto.mjs of libs/protocol/proto/inner-wires.proto: change that instead.
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

// Common aliases
const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

const $number = (value) => (typeof value === "number" ? value : value.toNumber());

// Exported root namespace
const $root = $protobuf.roots["default"] || ($protobuf.roots["default"] = {});

export const skylark = $root.skylark = (() => {

    /**
     * Namespace skylark.
     * @exports skylark
     * @namespace
     */
    const skylark = {};

    skylark.v1 = (function() {

        /**
         * Namespace v1.
         * @memberof skylark
         * @namespace
         */
        const v1 = {};

        /**
         * Encoding enum.
         * @name skylark.v1.Encoding
         * @enum {number}
         * @property {number} JSON=0 JSON value
         * @property {number} TEXT=1 TEXT value
         * @property {number} BINARY=2 BINARY value
         */
        v1.Encoding = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "JSON"] = 0;
            values[valuesById[1] = "TEXT"] = 1;
            values[valuesById[2] = "BINARY"] = 2;
            return values;
        })();

        v1.Body = (function() {

            /**
             * Properties of a Body.
             * @typedef {Object} skylark.v1.Body.$Properties
             * @property {string|null} [id] Body id
             * @property {number|null} [type] Body type
             * @property {skylark.v1.Encoding|null} [encoding] Body encoding
             * @property {Uint8Array|null} [payload] Body payload
             * @property {number|null} [acceptedAtMs] Body acceptedAtMs
             * @property {number|null} [expiresAtMs] Body expiresAtMs
             * @property {string|null} [traceparent] Body traceparent
             * @property {Array.<string>|null} [excludeUsers] Body excludeUsers
             * @property {Array.<string>|null} [excludeConnections] Body excludeConnections
             * @property {string|null} [match] Body match
             * @property {Array.<skylark.v1.Variant.$Properties>|null} [variants] Body variants
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Body.
             * @memberof skylark.v1
             * @interface IBody
             * @augments skylark.v1.Body.$Properties
             * @deprecated Use skylark.v1.Body.$Properties instead.
             */

            /**
             * Shape of a Body.
             * @typedef {skylark.v1.Body.$Properties} skylark.v1.Body.$Shape
             */

            /**
             * Constructs a new Body.
             * @memberof skylark.v1
             * @classdesc Represents a Body.
             * @constructor
             * @param {skylark.v1.Body.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Body = function (properties) {
                this.excludeUsers = [];
                this.excludeConnections = [];
                this.variants = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Body id.
             * @member {string} id
             * @memberof skylark.v1.Body
             * @instance
             */
            Body.prototype.id = "";

            /**
             * Body type.
             * @member {number} type
             * @memberof skylark.v1.Body
             * @instance
             */
            Body.prototype.type = 0;

            /**
             * Body encoding.
             * @member {skylark.v1.Encoding} encoding
             * @memberof skylark.v1.Body
             * @instance
             */
            Body.prototype.encoding = 0;

            /**
             * Body payload.
             * @member {Uint8Array} payload
             * @memberof skylark.v1.Body
             * @instance
             */
            Body.prototype.payload = $util.newBuffer([]);

            /**
             * Body acceptedAtMs.
             * @member {number} acceptedAtMs
             * @memberof skylark.v1.Body
             * @instance
             */
            Body.prototype.acceptedAtMs = 0;

            /**
             * Body expiresAtMs.
             * @member {number} expiresAtMs
             * @memberof skylark.v1.Body
             * @instance
             */
            Body.prototype.expiresAtMs = 0;

            /**
             * Body traceparent.
             * @member {string} traceparent
             * @memberof skylark.v1.Body
             * @instance
             */
            Body.prototype.traceparent = "";

            /**
             * Body excludeUsers.
             * @member {Array.<string>} excludeUsers
             * @memberof skylark.v1.Body
             * @instance
             */
            Body.prototype.excludeUsers = $util.emptyArray;

            /**
             * Body excludeConnections.
             * @member {Array.<string>} excludeConnections
             * @memberof skylark.v1.Body
             * @instance
             */
            Body.prototype.excludeConnections = $util.emptyArray;

            /**
             * Body match.
             * @member {string} match
             * @memberof skylark.v1.Body
             * @instance
             */
            Body.prototype.match = "";

            /**
             * Body variants.
             * @member {Array.<skylark.v1.Variant.$Properties>} variants
             * @memberof skylark.v1.Body
             * @instance
             */
            Body.prototype.variants = $util.emptyArray;

            /**
             * Encodes the specified Body message. Does not implicitly {@link skylark.v1.Body.verify|verify} messages.
             * @function encode
             * @memberof skylark.v1.Body
             * @static
             * @param {skylark.v1.Body.$Properties} message Body message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Body.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.id);
                if (message.type != null && $Object.hasOwnProperty.call(message, "type") && message.type !== 0)
                    writer.uint32(/* id 2, wireType 0 =*/16).sint32(message.type);
                if (message.encoding != null && $Object.hasOwnProperty.call(message, "encoding") && message.encoding !== 0)
                    writer.uint32(/* id 3, wireType 0 =*/24).int32(message.encoding);
                if (message.payload != null && $Object.hasOwnProperty.call(message, "payload") && message.payload.length)
                    writer.uint32(/* id 4, wireType 2 =*/34).bytes(message.payload);
                if (message.acceptedAtMs != null && $Object.hasOwnProperty.call(message, "acceptedAtMs") && (typeof message.acceptedAtMs === "object" ? message.acceptedAtMs.low || message.acceptedAtMs.high : message.acceptedAtMs !== 0))
                    writer.uint32(/* id 5, wireType 0 =*/40).int64(message.acceptedAtMs);
                if (message.expiresAtMs != null && $Object.hasOwnProperty.call(message, "expiresAtMs") && (typeof message.expiresAtMs === "object" ? message.expiresAtMs.low || message.expiresAtMs.high : message.expiresAtMs !== 0))
                    writer.uint32(/* id 6, wireType 0 =*/48).int64(message.expiresAtMs);
                if (message.traceparent != null && $Object.hasOwnProperty.call(message, "traceparent") && message.traceparent !== "")
                    writer.uint32(/* id 7, wireType 2 =*/58).string(message.traceparent);
                if (message.excludeUsers != null && message.excludeUsers.length)
                    for (let i = 0; i < message.excludeUsers.length; ++i)
                        writer.uint32(/* id 8, wireType 2 =*/66).string(message.excludeUsers[i]);
                if (message.excludeConnections != null && message.excludeConnections.length)
                    for (let i = 0; i < message.excludeConnections.length; ++i)
                        writer.uint32(/* id 9, wireType 2 =*/74).string(message.excludeConnections[i]);
                if (message.match != null && $Object.hasOwnProperty.call(message, "match") && message.match !== "")
                    writer.uint32(/* id 10, wireType 2 =*/82).string(message.match);
                if (message.variants != null && message.variants.length)
                    for (let i = 0; i < message.variants.length; ++i)
                        $root.skylark.v1.Variant.encode(message.variants[i], writer.uint32(/* id 11, wireType 2 =*/90).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Body message from the specified reader or buffer.
             * @function decode
             * @memberof skylark.v1.Body
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {skylark.v1.Body & skylark.v1.Body.$Shape} Body
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Body.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.skylark.v1.Body();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.sint32())
                                message.type = value;
                            else
                                delete message.type;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.encoding = value;
                            else
                                delete message.encoding;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.payload = value;
                            else
                                delete message.payload;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = $number(reader.int64())) === "object" ? value.low || value.high : value !== 0)
                                message.acceptedAtMs = value;
                            else
                                delete message.acceptedAtMs;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = $number(reader.int64())) === "object" ? value.low || value.high : value !== 0)
                                message.expiresAtMs = value;
                            else
                                delete message.expiresAtMs;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.traceparent = value;
                            else
                                delete message.traceparent;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            if (!(message.excludeUsers && message.excludeUsers.length))
                                message.excludeUsers = [];
                            message.excludeUsers.push(reader.stringVerify());
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            if (!(message.excludeConnections && message.excludeConnections.length))
                                message.excludeConnections = [];
                            message.excludeConnections.push(reader.stringVerify());
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.match = value;
                            else
                                delete message.match;
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            if (!(message.variants && message.variants.length))
                                message.variants = [];
                            message.variants.push($root.skylark.v1.Variant.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Body;
        })();

        v1.Variant = (function() {

            /**
             * Properties of a Variant.
             * @typedef {Object} skylark.v1.Variant.$Properties
             * @property {string|null} [match] Variant match
             * @property {skylark.v1.Encoding|null} [encoding] Variant encoding
             * @property {Uint8Array|null} [payload] Variant payload
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Variant.
             * @memberof skylark.v1
             * @interface IVariant
             * @augments skylark.v1.Variant.$Properties
             * @deprecated Use skylark.v1.Variant.$Properties instead.
             */

            /**
             * Shape of a Variant.
             * @typedef {skylark.v1.Variant.$Properties} skylark.v1.Variant.$Shape
             */

            /**
             * Constructs a new Variant.
             * @memberof skylark.v1
             * @classdesc Represents a Variant.
             * @constructor
             * @param {skylark.v1.Variant.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Variant = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Variant match.
             * @member {string} match
             * @memberof skylark.v1.Variant
             * @instance
             */
            Variant.prototype.match = "";

            /**
             * Variant encoding.
             * @member {skylark.v1.Encoding} encoding
             * @memberof skylark.v1.Variant
             * @instance
             */
            Variant.prototype.encoding = 0;

            /**
             * Variant payload.
             * @member {Uint8Array} payload
             * @memberof skylark.v1.Variant
             * @instance
             */
            Variant.prototype.payload = $util.newBuffer([]);

            /**
             * Encodes the specified Variant message. Does not implicitly {@link skylark.v1.Variant.verify|verify} messages.
             * @function encode
             * @memberof skylark.v1.Variant
             * @static
             * @param {skylark.v1.Variant.$Properties} message Variant message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Variant.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.match != null && $Object.hasOwnProperty.call(message, "match") && message.match !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.match);
                if (message.encoding != null && $Object.hasOwnProperty.call(message, "encoding") && message.encoding !== 0)
                    writer.uint32(/* id 2, wireType 0 =*/16).int32(message.encoding);
                if (message.payload != null && $Object.hasOwnProperty.call(message, "payload") && message.payload.length)
                    writer.uint32(/* id 3, wireType 2 =*/26).bytes(message.payload);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Variant message from the specified reader or buffer.
             * @function decode
             * @memberof skylark.v1.Variant
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {skylark.v1.Variant & skylark.v1.Variant.$Shape} Variant
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Variant.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.skylark.v1.Variant();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.match = value;
                            else
                                delete message.match;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.encoding = value;
                            else
                                delete message.encoding;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.payload = value;
                            else
                                delete message.payload;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Variant;
        })();

        v1.Record = (function() {

            /**
             * Properties of a Record.
             * @typedef {Object} skylark.v1.Record.$Properties
             * @property {string|null} [app] Record app
             * @property {Array.<skylark.v1.Target.$Properties>|null} [targets] Record targets
             * @property {Uint8Array|null} [body] Record body
             * @property {string|null} [id] Record id
             * @property {number|null} [part] Record part
             * @property {number|null} [expiresAtMs] Record expiresAtMs
             * @property {boolean|null} [retain] Record retain
             * @property {number|null} [speed] Record speed
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Record.
             * @memberof skylark.v1
             * @interface IRecord
             * @augments skylark.v1.Record.$Properties
             * @deprecated Use skylark.v1.Record.$Properties instead.
             */

            /**
             * Shape of a Record.
             * @typedef {skylark.v1.Record.$Properties} skylark.v1.Record.$Shape
             */

            /**
             * Constructs a new Record.
             * @memberof skylark.v1
             * @classdesc Represents a Record.
             * @constructor
             * @param {skylark.v1.Record.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Record = function (properties) {
                this.targets = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Record app.
             * @member {string} app
             * @memberof skylark.v1.Record
             * @instance
             */
            Record.prototype.app = "";

            /**
             * Record targets.
             * @member {Array.<skylark.v1.Target.$Properties>} targets
             * @memberof skylark.v1.Record
             * @instance
             */
            Record.prototype.targets = $util.emptyArray;

            /**
             * Record body.
             * @member {Uint8Array} body
             * @memberof skylark.v1.Record
             * @instance
             */
            Record.prototype.body = $util.newBuffer([]);

            /**
             * Record id.
             * @member {string} id
             * @memberof skylark.v1.Record
             * @instance
             */
            Record.prototype.id = "";

            /**
             * Record part.
             * @member {number} part
             * @memberof skylark.v1.Record
             * @instance
             */
            Record.prototype.part = 0;

            /**
             * Record expiresAtMs.
             * @member {number} expiresAtMs
             * @memberof skylark.v1.Record
             * @instance
             */
            Record.prototype.expiresAtMs = 0;

            /**
             * Record retain.
             * @member {boolean} retain
             * @memberof skylark.v1.Record
             * @instance
             */
            Record.prototype.retain = false;

            /**
             * Record speed.
             * @member {number} speed
             * @memberof skylark.v1.Record
             * @instance
             */
            Record.prototype.speed = 0;

            /**
             * Encodes the specified Record message. Does not implicitly {@link skylark.v1.Record.verify|verify} messages.
             * @function encode
             * @memberof skylark.v1.Record
             * @static
             * @param {skylark.v1.Record.$Properties} message Record message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Record.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.app != null && $Object.hasOwnProperty.call(message, "app") && message.app !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.app);
                if (message.targets != null && message.targets.length)
                    for (let i = 0; i < message.targets.length; ++i)
                        $root.skylark.v1.Target.encode(message.targets[i], writer.uint32(/* id 2, wireType 2 =*/18).fork(), _depth + 1).ldelim();
                if (message.body != null && $Object.hasOwnProperty.call(message, "body") && message.body.length)
                    writer.uint32(/* id 3, wireType 2 =*/26).bytes(message.body);
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(/* id 4, wireType 2 =*/34).string(message.id);
                if (message.expiresAtMs != null && $Object.hasOwnProperty.call(message, "expiresAtMs") && (typeof message.expiresAtMs === "object" ? message.expiresAtMs.low || message.expiresAtMs.high : message.expiresAtMs !== 0))
                    writer.uint32(/* id 5, wireType 0 =*/40).int64(message.expiresAtMs);
                if (message.retain != null && $Object.hasOwnProperty.call(message, "retain") && message.retain !== false)
                    writer.uint32(/* id 6, wireType 0 =*/48).bool(message.retain);
                if (message.speed != null && $Object.hasOwnProperty.call(message, "speed") && message.speed !== 0)
                    writer.uint32(/* id 7, wireType 0 =*/56).uint32(message.speed);
                if (message.part != null && $Object.hasOwnProperty.call(message, "part") && message.part !== 0)
                    writer.uint32(/* id 8, wireType 0 =*/64).uint32(message.part);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Record message from the specified reader or buffer.
             * @function decode
             * @memberof skylark.v1.Record
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {skylark.v1.Record & skylark.v1.Record.$Shape} Record
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Record.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.skylark.v1.Record();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.app = value;
                            else
                                delete message.app;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if (!(message.targets && message.targets.length))
                                message.targets = [];
                            message.targets.push($root.skylark.v1.Target.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.body = value;
                            else
                                delete message.body;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.part = value;
                            else
                                delete message.part;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = $number(reader.int64())) === "object" ? value.low || value.high : value !== 0)
                                message.expiresAtMs = value;
                            else
                                delete message.expiresAtMs;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.retain = value;
                            else
                                delete message.retain;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.speed = value;
                            else
                                delete message.speed;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Record;
        })();

        v1.Target = (function() {

            /**
             * Properties of a Target.
             * @typedef {Object} skylark.v1.Target.$Properties
             * @property {string|null} [channel] Target channel
             * @property {Array.<string>|null} [devices] Target devices
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Target.
             * @memberof skylark.v1
             * @interface ITarget
             * @augments skylark.v1.Target.$Properties
             * @deprecated Use skylark.v1.Target.$Properties instead.
             */

            /**
             * Shape of a Target.
             * @typedef {skylark.v1.Target.$Properties} skylark.v1.Target.$Shape
             */

            /**
             * Constructs a new Target.
             * @memberof skylark.v1
             * @classdesc Represents a Target.
             * @constructor
             * @param {skylark.v1.Target.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Target = function (properties) {
                this.devices = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Target channel.
             * @member {string} channel
             * @memberof skylark.v1.Target
             * @instance
             */
            Target.prototype.channel = "";

            /**
             * Target devices.
             * @member {Array.<string>} devices
             * @memberof skylark.v1.Target
             * @instance
             */
            Target.prototype.devices = $util.emptyArray;

            /**
             * Encodes the specified Target message. Does not implicitly {@link skylark.v1.Target.verify|verify} messages.
             * @function encode
             * @memberof skylark.v1.Target
             * @static
             * @param {skylark.v1.Target.$Properties} message Target message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Target.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.channel != null && $Object.hasOwnProperty.call(message, "channel") && message.channel !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.channel);
                if (message.devices != null && message.devices.length)
                    for (let i = 0; i < message.devices.length; ++i)
                        writer.uint32(/* id 2, wireType 2 =*/18).string(message.devices[i]);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Target message from the specified reader or buffer.
             * @function decode
             * @memberof skylark.v1.Target
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {skylark.v1.Target & skylark.v1.Target.$Shape} Target
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Target.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.skylark.v1.Target();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.channel = value;
                            else
                                delete message.channel;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if (!(message.devices && message.devices.length))
                                message.devices = [];
                            message.devices.push(reader.stringVerify());
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Target;
        })();

        v1.DeliveryBatch = (function() {

            /**
             * Properties of a DeliveryBatch.
             * @typedef {Object} skylark.v1.DeliveryBatch.$Properties
             * @property {string|null} [epoch] DeliveryBatch epoch
             * @property {number|null} [shard] DeliveryBatch shard
             * @property {number|null} [ownerEpoch] DeliveryBatch ownerEpoch
             * @property {string|null} [incarnation] DeliveryBatch incarnation
             * @property {Array.<skylark.v1.Delivery.$Properties>|null} [deliveries] DeliveryBatch deliveries
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a DeliveryBatch.
             * @memberof skylark.v1
             * @interface IDeliveryBatch
             * @augments skylark.v1.DeliveryBatch.$Properties
             * @deprecated Use skylark.v1.DeliveryBatch.$Properties instead.
             */

            /**
             * Shape of a DeliveryBatch.
             * @typedef {skylark.v1.DeliveryBatch.$Properties} skylark.v1.DeliveryBatch.$Shape
             */

            /**
             * Constructs a new DeliveryBatch.
             * @memberof skylark.v1
             * @classdesc Represents a DeliveryBatch.
             * @constructor
             * @param {skylark.v1.DeliveryBatch.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const DeliveryBatch = function (properties) {
                this.deliveries = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * DeliveryBatch epoch.
             * @member {string} epoch
             * @memberof skylark.v1.DeliveryBatch
             * @instance
             */
            DeliveryBatch.prototype.epoch = "";

            /**
             * DeliveryBatch shard.
             * @member {number} shard
             * @memberof skylark.v1.DeliveryBatch
             * @instance
             */
            DeliveryBatch.prototype.shard = 0;

            /**
             * DeliveryBatch ownerEpoch.
             * @member {number} ownerEpoch
             * @memberof skylark.v1.DeliveryBatch
             * @instance
             */
            DeliveryBatch.prototype.ownerEpoch = 0;

            /**
             * DeliveryBatch incarnation.
             * @member {string} incarnation
             * @memberof skylark.v1.DeliveryBatch
             * @instance
             */
            DeliveryBatch.prototype.incarnation = "";

            /**
             * DeliveryBatch deliveries.
             * @member {Array.<skylark.v1.Delivery.$Properties>} deliveries
             * @memberof skylark.v1.DeliveryBatch
             * @instance
             */
            DeliveryBatch.prototype.deliveries = $util.emptyArray;

            /**
             * Encodes the specified DeliveryBatch message. Does not implicitly {@link skylark.v1.DeliveryBatch.verify|verify} messages.
             * @function encode
             * @memberof skylark.v1.DeliveryBatch
             * @static
             * @param {skylark.v1.DeliveryBatch.$Properties} message DeliveryBatch message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            DeliveryBatch.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.epoch != null && $Object.hasOwnProperty.call(message, "epoch") && message.epoch !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.epoch);
                if (message.shard != null && $Object.hasOwnProperty.call(message, "shard") && message.shard !== 0)
                    writer.uint32(/* id 2, wireType 0 =*/16).uint32(message.shard);
                if (message.ownerEpoch != null && $Object.hasOwnProperty.call(message, "ownerEpoch") && (typeof message.ownerEpoch === "object" ? message.ownerEpoch.low || message.ownerEpoch.high : message.ownerEpoch !== 0))
                    writer.uint32(/* id 3, wireType 0 =*/24).uint64(message.ownerEpoch);
                if (message.incarnation != null && $Object.hasOwnProperty.call(message, "incarnation") && message.incarnation !== "")
                    writer.uint32(/* id 4, wireType 2 =*/34).string(message.incarnation);
                if (message.deliveries != null && message.deliveries.length)
                    for (let i = 0; i < message.deliveries.length; ++i)
                        $root.skylark.v1.Delivery.encode(message.deliveries[i], writer.uint32(/* id 5, wireType 2 =*/42).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a DeliveryBatch message from the specified reader or buffer.
             * @function decode
             * @memberof skylark.v1.DeliveryBatch
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {skylark.v1.DeliveryBatch & skylark.v1.DeliveryBatch.$Shape} DeliveryBatch
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            DeliveryBatch.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.skylark.v1.DeliveryBatch();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.epoch = value;
                            else
                                delete message.epoch;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.shard = value;
                            else
                                delete message.shard;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = $number(reader.uint64())) === "object" ? value.low || value.high : value !== 0)
                                message.ownerEpoch = value;
                            else
                                delete message.ownerEpoch;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.incarnation = value;
                            else
                                delete message.incarnation;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            if (!(message.deliveries && message.deliveries.length))
                                message.deliveries = [];
                            message.deliveries.push($root.skylark.v1.Delivery.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return DeliveryBatch;
        })();

        v1.Delivery = (function() {

            /**
             * Properties of a Delivery.
             * @typedef {Object} skylark.v1.Delivery.$Properties
             * @property {number|null} [offset] Delivery offset
             * @property {Array.<skylark.v1.Step.$Properties>|null} [steps] Delivery steps
             * @property {Uint8Array|null} [body] Delivery body
             * @property {string|null} [app] Delivery app
             * @property {number|null} [rate] Delivery rate
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Delivery.
             * @memberof skylark.v1
             * @interface IDelivery
             * @augments skylark.v1.Delivery.$Properties
             * @deprecated Use skylark.v1.Delivery.$Properties instead.
             */

            /**
             * Shape of a Delivery.
             * @typedef {skylark.v1.Delivery.$Properties} skylark.v1.Delivery.$Shape
             */

            /**
             * Constructs a new Delivery.
             * @memberof skylark.v1
             * @classdesc Represents a Delivery.
             * @constructor
             * @param {skylark.v1.Delivery.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Delivery = function (properties) {
                this.steps = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Delivery offset.
             * @member {number} offset
             * @memberof skylark.v1.Delivery
             * @instance
             */
            Delivery.prototype.offset = 0;

            /**
             * Delivery steps.
             * @member {Array.<skylark.v1.Step.$Properties>} steps
             * @memberof skylark.v1.Delivery
             * @instance
             */
            Delivery.prototype.steps = $util.emptyArray;

            /**
             * Delivery body.
             * @member {Uint8Array} body
             * @memberof skylark.v1.Delivery
             * @instance
             */
            Delivery.prototype.body = $util.newBuffer([]);

            /**
             * Delivery app.
             * @member {string} app
             * @memberof skylark.v1.Delivery
             * @instance
             */
            Delivery.prototype.app = "";

            /**
             * Delivery rate.
             * @member {number} rate
             * @memberof skylark.v1.Delivery
             * @instance
             */
            Delivery.prototype.rate = 0;

            /**
             * Encodes the specified Delivery message. Does not implicitly {@link skylark.v1.Delivery.verify|verify} messages.
             * @function encode
             * @memberof skylark.v1.Delivery
             * @static
             * @param {skylark.v1.Delivery.$Properties} message Delivery message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Delivery.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.offset != null && $Object.hasOwnProperty.call(message, "offset") && (typeof message.offset === "object" ? message.offset.low || message.offset.high : message.offset !== 0))
                    writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.offset);
                if (message.steps != null && message.steps.length)
                    for (let i = 0; i < message.steps.length; ++i)
                        $root.skylark.v1.Step.encode(message.steps[i], writer.uint32(/* id 2, wireType 2 =*/18).fork(), _depth + 1).ldelim();
                if (message.body != null && $Object.hasOwnProperty.call(message, "body") && message.body.length)
                    writer.uint32(/* id 3, wireType 2 =*/26).bytes(message.body);
                if (message.app != null && $Object.hasOwnProperty.call(message, "app") && message.app !== "")
                    writer.uint32(/* id 4, wireType 2 =*/34).string(message.app);
                if (message.rate != null && $Object.hasOwnProperty.call(message, "rate") && message.rate !== 0)
                    writer.uint32(/* id 5, wireType 0 =*/40).uint32(message.rate);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Delivery message from the specified reader or buffer.
             * @function decode
             * @memberof skylark.v1.Delivery
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {skylark.v1.Delivery & skylark.v1.Delivery.$Shape} Delivery
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Delivery.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.skylark.v1.Delivery();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = $number(reader.uint64())) === "object" ? value.low || value.high : value !== 0)
                                message.offset = value;
                            else
                                delete message.offset;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if (!(message.steps && message.steps.length))
                                message.steps = [];
                            message.steps.push($root.skylark.v1.Step.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.bytes()).length)
                                message.body = value;
                            else
                                delete message.body;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.app = value;
                            else
                                delete message.app;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.rate = value;
                            else
                                delete message.rate;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Delivery;
        })();

        v1.Step = (function() {

            /**
             * Properties of a Step.
             * @typedef {Object} skylark.v1.Step.$Properties
             * @property {string|null} [channel] Step channel
             * @property {Array.<string>|null} [devices] Step devices
             * @property {number|null} [prev] Step prev
             * @property {number|null} [after] Step after
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Step.
             * @memberof skylark.v1
             * @interface IStep
             * @augments skylark.v1.Step.$Properties
             * @deprecated Use skylark.v1.Step.$Properties instead.
             */

            /**
             * Shape of a Step.
             * @typedef {skylark.v1.Step.$Properties} skylark.v1.Step.$Shape
             */

            /**
             * Constructs a new Step.
             * @memberof skylark.v1
             * @classdesc Represents a Step.
             * @constructor
             * @param {skylark.v1.Step.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Step = function (properties) {
                this.devices = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Step channel.
             * @member {string} channel
             * @memberof skylark.v1.Step
             * @instance
             */
            Step.prototype.channel = "";

            /**
             * Step devices.
             * @member {Array.<string>} devices
             * @memberof skylark.v1.Step
             * @instance
             */
            Step.prototype.devices = $util.emptyArray;

            /**
             * Step prev.
             * @member {number} prev
             * @memberof skylark.v1.Step
             * @instance
             */
            Step.prototype.prev = 0;

            /**
             * Step after.
             * @member {number} after
             * @memberof skylark.v1.Step
             * @instance
             */
            Step.prototype.after = 0;

            /**
             * Encodes the specified Step message. Does not implicitly {@link skylark.v1.Step.verify|verify} messages.
             * @function encode
             * @memberof skylark.v1.Step
             * @static
             * @param {skylark.v1.Step.$Properties} message Step message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Step.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.channel != null && $Object.hasOwnProperty.call(message, "channel") && message.channel !== "")
                    writer.uint32(/* id 1, wireType 2 =*/10).string(message.channel);
                if (message.devices != null && message.devices.length)
                    for (let i = 0; i < message.devices.length; ++i)
                        writer.uint32(/* id 2, wireType 2 =*/18).string(message.devices[i]);
                if (message.prev != null && $Object.hasOwnProperty.call(message, "prev") && (typeof message.prev === "object" ? message.prev.low || message.prev.high : message.prev !== 0))
                    writer.uint32(/* id 3, wireType 0 =*/24).sint64(message.prev);
                if (message.after != null && $Object.hasOwnProperty.call(message, "after") && (typeof message.after === "object" ? message.after.low || message.after.high : message.after !== 0))
                    writer.uint32(/* id 4, wireType 0 =*/32).uint64(message.after);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Step message from the specified reader or buffer.
             * @function decode
             * @memberof skylark.v1.Step
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {skylark.v1.Step & skylark.v1.Step.$Shape} Step
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Step.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.skylark.v1.Step();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.channel = value;
                            else
                                delete message.channel;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if (!(message.devices && message.devices.length))
                                message.devices = [];
                            message.devices.push(reader.stringVerify());
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = $number(reader.sint64())) === "object" ? value.low || value.high : value !== 0)
                                message.prev = value;
                            else
                                delete message.prev;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = $number(reader.uint64())) === "object" ? value.low || value.high : value !== 0)
                                message.after = value;
                            else
                                delete message.after;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Step;
        })();

        v1.DeliveryAck = (function() {

            /**
             * Properties of a DeliveryAck.
             * @typedef {Object} skylark.v1.DeliveryAck.$Properties
             * @property {number|null} [taken] DeliveryAck taken
             * @property {skylark.v1.Refusal|null} [refused] DeliveryAck refused
             * @property {Array.<skylark.v1.Gone.$Properties>|null} [gone] DeliveryAck gone
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a DeliveryAck.
             * @memberof skylark.v1
             * @interface IDeliveryAck
             * @augments skylark.v1.DeliveryAck.$Properties
             * @deprecated Use skylark.v1.DeliveryAck.$Properties instead.
             */

            /**
             * Shape of a DeliveryAck.
             * @typedef {skylark.v1.DeliveryAck.$Properties} skylark.v1.DeliveryAck.$Shape
             */

            /**
             * Constructs a new DeliveryAck.
             * @memberof skylark.v1
             * @classdesc Represents a DeliveryAck.
             * @constructor
             * @param {skylark.v1.DeliveryAck.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const DeliveryAck = function (properties) {
                this.gone = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * DeliveryAck taken.
             * @member {number} taken
             * @memberof skylark.v1.DeliveryAck
             * @instance
             */
            DeliveryAck.prototype.taken = 0;

            /**
             * DeliveryAck refused.
             * @member {skylark.v1.Refusal} refused
             * @memberof skylark.v1.DeliveryAck
             * @instance
             */
            DeliveryAck.prototype.refused = 0;

            /**
             * DeliveryAck gone.
             * @member {Array.<skylark.v1.Gone.$Properties>} gone
             * @memberof skylark.v1.DeliveryAck
             * @instance
             */
            DeliveryAck.prototype.gone = $util.emptyArray;

            /**
             * Encodes the specified DeliveryAck message. Does not implicitly {@link skylark.v1.DeliveryAck.verify|verify} messages.
             * @function encode
             * @memberof skylark.v1.DeliveryAck
             * @static
             * @param {skylark.v1.DeliveryAck.$Properties} message DeliveryAck message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            DeliveryAck.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.taken != null && $Object.hasOwnProperty.call(message, "taken") && (typeof message.taken === "object" ? message.taken.low || message.taken.high : message.taken !== 0))
                    writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.taken);
                if (message.refused != null && $Object.hasOwnProperty.call(message, "refused") && message.refused !== 0)
                    writer.uint32(/* id 2, wireType 0 =*/16).int32(message.refused);
                if (message.gone != null && message.gone.length)
                    for (let i = 0; i < message.gone.length; ++i)
                        $root.skylark.v1.Gone.encode(message.gone[i], writer.uint32(/* id 3, wireType 2 =*/26).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a DeliveryAck message from the specified reader or buffer.
             * @function decode
             * @memberof skylark.v1.DeliveryAck
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {skylark.v1.DeliveryAck & skylark.v1.DeliveryAck.$Shape} DeliveryAck
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            DeliveryAck.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.skylark.v1.DeliveryAck();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = $number(reader.uint64())) === "object" ? value.low || value.high : value !== 0)
                                message.taken = value;
                            else
                                delete message.taken;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.refused = value;
                            else
                                delete message.refused;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if (!(message.gone && message.gone.length))
                                message.gone = [];
                            message.gone.push($root.skylark.v1.Gone.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return DeliveryAck;
        })();

        /**
         * Refusal enum.
         * @name skylark.v1.Refusal
         * @enum {number}
         * @property {number} NONE=0 NONE value
         * @property {number} GHOST_OWNER=1 GHOST_OWNER value
         * @property {number} OTHER_INCARNATION=2 OTHER_INCARNATION value
         * @property {number} OTHER_EPOCH=3 OTHER_EPOCH value
         * @property {number} OVERLOADED=4 OVERLOADED value
         */
        v1.Refusal = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "NONE"] = 0;
            values[valuesById[1] = "GHOST_OWNER"] = 1;
            values[valuesById[2] = "OTHER_INCARNATION"] = 2;
            values[valuesById[3] = "OTHER_EPOCH"] = 3;
            values[valuesById[4] = "OVERLOADED"] = 4;
            return values;
        })();

        v1.Gone = (function() {

            /**
             * Properties of a Gone.
             * @typedef {Object} skylark.v1.Gone.$Properties
             * @property {number|null} [offset] Gone offset
             * @property {string|null} [channel] Gone channel
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */

            /**
             * Properties of a Gone.
             * @memberof skylark.v1
             * @interface IGone
             * @augments skylark.v1.Gone.$Properties
             * @deprecated Use skylark.v1.Gone.$Properties instead.
             */

            /**
             * Shape of a Gone.
             * @typedef {skylark.v1.Gone.$Properties} skylark.v1.Gone.$Shape
             */

            /**
             * Constructs a new Gone.
             * @memberof skylark.v1
             * @classdesc Represents a Gone.
             * @constructor
             * @param {skylark.v1.Gone.$Properties=} [properties] Properties to set
             * @property {Array.<Uint8Array>} [$unknowns] Unknown fields preserved while decoding when enabled
             */
            const Gone = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            /**
             * Gone offset.
             * @member {number} offset
             * @memberof skylark.v1.Gone
             * @instance
             */
            Gone.prototype.offset = 0;

            /**
             * Gone channel.
             * @member {string} channel
             * @memberof skylark.v1.Gone
             * @instance
             */
            Gone.prototype.channel = "";

            /**
             * Encodes the specified Gone message. Does not implicitly {@link skylark.v1.Gone.verify|verify} messages.
             * @function encode
             * @memberof skylark.v1.Gone
             * @static
             * @param {skylark.v1.Gone.$Properties} message Gone message or plain object to encode
             * @param {$protobuf.Writer} [writer] Writer to encode to
             * @returns {$protobuf.Writer} Writer
             */
            Gone.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.offset != null && $Object.hasOwnProperty.call(message, "offset") && (typeof message.offset === "object" ? message.offset.low || message.offset.high : message.offset !== 0))
                    writer.uint32(/* id 1, wireType 0 =*/8).uint64(message.offset);
                if (message.channel != null && $Object.hasOwnProperty.call(message, "channel") && message.channel !== "")
                    writer.uint32(/* id 2, wireType 2 =*/18).string(message.channel);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            /**
             * Decodes a Gone message from the specified reader or buffer.
             * @function decode
             * @memberof skylark.v1.Gone
             * @static
             * @param {$protobuf.Reader|Uint8Array} reader Reader or buffer to decode from
             * @param {number} [length] Message length if known beforehand
             * @returns {skylark.v1.Gone & skylark.v1.Gone.$Shape} Gone
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            Gone.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.skylark.v1.Gone();
                while (reader.pos < end) {
                    let start = reader.pos;
                    let tag = reader.tag();
                    if (tag === _end) {
                        _end = $undefined;
                        break;
                    }
                    let wireType = tag & 7;
                    switch (tag >>>= 3) {
                    case 1: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = $number(reader.uint64())) === "object" ? value.low || value.high : value !== 0)
                                message.offset = value;
                            else
                                delete message.offset;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.channel = value;
                            else
                                delete message.channel;
                            continue;
                        }
                    }
                    reader.skipType(wireType, _depth, tag);
                    if (!reader.discardUnknown) {
                        $util.makeProp(message, "$unknowns", false);
                        (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                    }
                }
                if (length !== $undefined) {
                    if (reader.pos !== end)
                        throw $RangeError("index out of range");
                    reader.len = length;
                }
                if (_end !== $undefined)
                    throw $Error("missing end group");
                return message;
            };

            return Gone;
        })();

        return v1;
    })();

    return skylark;
})();

export {
  $root as default
};
