/** Change logs that are read beside invalidations: what users say of them. */

import { SnowmeltError } from "./errors";
import { notText } from "./names";
import { isWellFormed } from "./plain";

/**
 * A text in which names in braces stand for values of a change, such as
 * `users/{pk}`; or several such texts. `{{` and `}}` are braces themselves. A
 * value is put in as `keyPart` writes it, so that the keys which programs read
 * must be made with `keyPart` too.
 */
export type Template = string | readonly string[];

/** What each change of a source invalidates. At least one of them is needed. */
export interface SourceTemplates {
  /** These keys. */
  key?: Template | undefined;
  /** Entries that bear these tags. */
  tag?: Template | undefined;
  /**
   * Entries whose key starts with one of these. End it with a character that
   * values never have, such as `/`: `users/1` is a prefix of `users/12` too.
   */
  prefix?: Template | undefined;
}

/**
 * A DynamoDB table with a Kinesis data stream as its streaming destination.
 *
 * A name in a template is that of an attribute of type S (as it is), N (its
 * text) or B (its base64). A key attribute has one value. Another one is looked
 * up in the item as it is now *and* as it was before, and both names are
 * invalidated. A record that lacks it counts as undecodable: it is told to
 * `onEvent` with the attribute's name, and `onUndecodable` applies. `{table}`
 * and `{region}` are the table's, and `{account}` too if `table` is an ARN.
 */
export interface DynamoDbSource extends SourceTemplates {
  /**
   * The table's name; or its ARN: then changes in other regions, which replicas
   * of a global table write, are not this source's. Has to be given.
   */
  table: string | undefined;
}

/**
 * A change log that is read beside invalidations. Exactly one of the fields
 * says where the changes come from. Changes that no source asks for (of other
 * tables, other services) are for somebody else: they neither count as
 * undecodable nor empty a cache. Namespaces have no say here.
 *
 * - `dynamodb`: the changes of a table, as its Kinesis streaming destination
 *   writes them.
 * - `parameterStore`: Systems Manager's parameters, by an EventBridge rule with
 *   the stream as its target, for the source `aws.ssm` and the detail types
 *   `Parameter Store Change` and `Parameter Store Policy Action`. `{name}`
 *   stands for the parameter's name, and for its ARN.
 * - `secretsManager`: secrets, by a rule for the source `aws.secretsmanager` and
 *   the detail types `Secret Label Updated`, `AWS API Call via CloudTrail` and
 *   `AWS Service Event via CloudTrail`. `{id}` stands for each name that the
 *   event gives the secret: its name, its ARN, and the ARN without the suffix
 *   of six characters. Cache secrets by their names: not every event has the ARN.
 *
 * `{region}` and `{account}` are the event's.
 */
export type Source =
  | { dynamodb: DynamoDbSource; parameterStore?: undefined; secretsManager?: undefined }
  | { parameterStore: SourceTemplates; dynamodb?: undefined; secretsManager?: undefined }
  | { secretsManager: SourceTemplates; dynamodb?: undefined; parameterStore?: undefined };

/**
 * A value as a part of a key, percent-encoded but for ASCII letters, digits and
 * `-._~`: as the templates of a `Source` put it in. `encodeURIComponent` agrees
 * but for `!'()*`.
 *
 * @throws SnowmeltError `INVALID_NAME` for what is no string, or has a lone
 * surrogate.
 */
export function keyPart(value: string): string {
  if (typeof value !== "string") throw notText("part of a key", value);
  if (!isWellFormed(value)) {
    throw new SnowmeltError("INVALID_NAME", "a part of a key has a lone surrogate, so that it is no Unicode text: encode it, or leave that character out");
  }
  return encodeURIComponent(value).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
