;; POST /track: increments the views of a URL on this day, in total and for the hit's utm_source.
(ns track
  (:require [applied-science.js-interop :as j]
            [promesa.core :as p]
            ["@aws-sdk/client-dynamodb" :as dynamodb]
            ["date-fns" :as date-fns]))

(def client (delay (dynamodb/DynamoDBClient. #js {})))

(defn today []
  (date-fns/format (js/Date.) "yyyy-MM-dd"))

(defn update-item [day url source]
  (dynamodb/UpdateItemCommand.
   (clj->js {:TableName (.. js/process -env -SITE_TABLE)
             :Key {:day {:S day} :url {:S url}}
             :UpdateExpression (cond-> "ADD #views :one"
                                 (seq source) (str ", views_" source " :one"))
             :ExpressionAttributeNames {"#views" "views"}
             :ExpressionAttributeValues {":one" {:N "1"}}
             :ReturnValues "ALL_NEW"})))

(defn handler [event _context]
  (p/let [hit (js/JSON.parse (j/get event :body))
          _ (.send @client (update-item (today) (j/get hit :url) (j/get hit :utm_source)))]
    (clj->js {:statusCode 204
              :headers {"Access-Control-Allow-Origin" "https://example.com"
                        "Access-Control-Allow-Methods" "POST, OPTIONS"}})))

#js {:handler handler}
